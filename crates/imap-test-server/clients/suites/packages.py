"""The packages whose tests and examples are run, and what is changed in the copy of each before it is built.

Nothing of theirs is kept here: cargo delivers them, by the lock of the folder above.
"""

import json
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent

# The folders of the copy, by the names and versions that cargo delivers.
PACKAGES = [("imap", "2.4.1"), ("imap", "3.0.0-alpha.15"), ("imap-next", "0.3.4"), ("io-imap", "0.7.1")]
IMAP_2, IMAP_3, IMAP_NEXT, IO_IMAP = (f"{name}-{version}" for name, version in PACKAGES)

# Files that are not there in the copy: each wants a rustls of its own, of a version that nothing else has.
LEFT_OUT = ["imap-2.4.1/examples/rustls.rs", "imap-3.0.0-alpha.15/examples/rustls.rs"]


def of_manifests():
    """(file, its words, ours), so that one workspace builds them all, and soon."""
    connector = "[dev-dependencies.rustls-connector]\nversion = "
    example = '[[example]]\nname = "rustls"\npath = "examples/rustls.rs"\nrequired-features = ["rustls-tls"]\n'
    provider = '[dev-dependencies.{}]\nversion = "{}"\n'
    return [
        # Two packages of one name are not members of one workspace.
        (f"{IMAP_2}/Cargo.toml", 'name = "imap"\nversion', 'name = "imap-2"\nversion'),
        (f"{IMAP_2}/Cargo.toml", "[dependencies.base64]", '[lib]\nname = "imap"\n\n[dependencies.base64]'),
        # What is left out is not built.
        (f"{IMAP_2}/Cargo.toml", f'{connector}"0.13.0"\n', ""),
        (f"{IMAP_3}/Cargo.toml", f'{connector}"0.19.0"\n', ""),
        (f"{IMAP_3}/Cargo.toml", example, ""),
        # They ask for one provider of TLS, and get another one besides, which takes a minute to build.
        *(
            (f"{IO_IMAP}/Cargo.toml", theirs, f"{theirs}default-features = false\n")
            for theirs in (provider.format("rustls", "0.23"), provider.format("tokio-rustls", "0.26"))
        ),
    ]


def of_places(plain, tls, smtp):
    """(file, its words, ours): ports and hosts that are constants. Version 3 of imap takes STARTTLS where a port is not 993."""
    example, gmail, here = '"imap.example.com"', '"imap.gmail.com"', '"localhost"'
    tests = f"{IMAP_2}/tests/imap_integration.rs"
    return [
        (tests, "3143", plain),
        (tests, "3993", tls),
        (tests, "3465", smtp),
        (f"{IMAP_2}/examples/basic.rs", example, here),
        (f"{IMAP_2}/examples/basic.rs", "993", tls),
        (f"{IMAP_2}/examples/gmail_oauth2.rs", gmail, here),
        (f"{IMAP_2}/examples/gmail_oauth2.rs", "993", tls),
        (f"{IMAP_3}/examples/basic.rs", f"{example}, 993", f"{here}, {plain}"),
        (f"{IMAP_3}/examples/gmail_oauth2.rs", f"{gmail}, 993", f"{here}, {plain}"),
        (f"{IMAP_3}/examples/plaintext.rs", "imap.example.com:143", f"localhost:{plain}"),
        (f"{IO_IMAP}/tests/stalwart.rs", "143, ", f"{plain}, "),
        (f"{IO_IMAP}/tests/fastmail.rs", '"imap.fastmail.com", 993', f"{here}, {tls}"),
        (f"{IO_IMAP}/tests/gmail.rs", f"{gmail}, 993", f"{here}, {tls}"),
        *(
            (f"{IMAP_NEXT}/examples/{name}.rs", "127.0.0.1:12345", f"127.0.0.1:{plain}")
            for name in ("client", "client_std", "client_authenticate")
        ),
    ]


def of_expectations():
    """(file, its words, ours): what other servers do, and the RFCs do not want."""
    old, new = f"{IMAP_2}/tests/imap_integration.rs", f"{IMAP_3}/tests/imap_integration.rs"
    search_2, search_3 = 'let inbox = c.search("ALL").unwrap();\n    // and the one', "// now we should see the e-mails!"
    reverse = "SortCriterion::Reverse(&SortCriterion::Subject)"
    return [
        # RFC 3501, section 6.4.5: ALL is a macro, and stands alone. Version 3 says something else, too.
        (old, "(ALL UID)", "(FLAGS INTERNALDATE RFC822.SIZE ENVELOPE UID)"),
        # What GreenMail gave. RFC 3501, section 7.4.2: the size of the message, which is three times that.
        (old, "assert_eq!(fetch.size, Some(138));", "assert!(fetch.size > Some(138));"),
        # RFC 3501, section 5.2, lets a server tell what has arrived behind the answer to SEARCH. NOOP is how a client asks.
        (old, search_2, f"c.noop().unwrap();\n    {search_2}"),
        (new, search_3, f"c.noop().unwrap();\n    {search_3}"),
        # RFC 5256, section 5: a criterion has one REVERSE.
        (new, f"SortCriterion::Reverse(&SortCriterion::Reverse(\n                &{reverse},\n            ))", reverse),
    ]


def copy(folder):
    """Makes a workspace of the packages in this folder, as they are."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--manifest-path", HERE.parent / "Cargo.toml"]
    delivered = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)["packages"]
    for name, version in PACKAGES:
        [manifest] = [package["manifest_path"] for package in delivered if (package["name"], package["version"]) == (name, version)]
        shutil.copytree(pathlib.Path(manifest).parent, folder / f"{name}-{version}")
    (folder / "Cargo.toml").write_text('[workspace]\nmembers = ["*-*"]\nresolver = "2"\n')
    shutil.copy(HERE / "Cargo.lock", folder)


def change(folder, plain, tls, smtp):
    """Makes the changes in it."""
    for file, theirs, ours in of_manifests() + of_places(str(plain), str(tls), str(smtp)) + of_expectations():
        text = (folder / file).read_text()
        if theirs not in text:
            raise SystemExit(f"{file} does not have these words any more: {theirs}")
        (folder / file).write_text(text.replace(theirs, ours))
    for file in LEFT_OUT:
        (folder / file).unlink()

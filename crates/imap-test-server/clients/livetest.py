"""The tests that imapclient has for a live server, against imap-test-server: python livetest.py PROGRAM

Fails where a test fails that is not listed below, or where fewer pass than did.
"""

import collections
import os
import re
import subprocess
import sys
import tempfile

# Those that fail for reasons of their own, not the server's. The LiveTests run by UID, then by number.
KNOWN = {
    "TestSocketTimeout.test_small_connection_timeout_fail": "wants a connection that takes longer than this one",
    "TestSocketTimeout.test_small_read_timeout_fail": "wants an answer that takes longer than this one",
    "TestGeneral.test_subscriptions": "wants SUBSCRIBE refused for a name that is not there: RFC 9051, section 6.3.7, leaves it to the server",
    "LiveTest.test_fetch by UID": "compares sequences of two types",
    "LiveTest.test_fetch by number": "wants FETCH without the UID that comes with CONDSTORE",
    "LiveTest.test_getacl by UID": "takes its settings for a dictionary, which they are not any more",
    "LiveTest.test_getacl by number": "the same",
    "LiveTest.test_move by number": "moves by an imaplib that knows no MOVE",
}
# How many passed when this was written.
PASSED = 45

SETTINGS = """
[DEFAULT]
host = {host}
port = {port}
username = joe
password = secret
ssl = false
"""


def results(output):
    """The word behind each test that unittest lists, where a sentence of the test may stand on a line between."""
    listed = re.findall(r"^test_\w+ \(.*?(\w+\.test_\w+)\)(?:\n[^\n]*?)? \.\.\. (ok|FAIL|ERROR|skipped)\b", output, re.M)
    found = {}
    for name, word in listed:
        if name.startswith("LiveTest."):
            name += " by number" if f"{name} by UID" in found else " by UID"
        found[name] = word
    return found


def main():
    with tempfile.TemporaryDirectory() as folder, subprocess.Popen(
        [sys.argv[1], "--port", "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        host, port = server.stdout.readline().split()[-1].split(":")
        settings = os.path.join(folder, "livetest.ini")
        with open(settings, "w") as file:
            file.write(SETTINGS.format(host=host, port=port))
        tests = subprocess.run(
            [sys.executable, "-m", "imapclient.livetest", settings, "--verbose"],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=300,
        )
        server.stdin.close()
    found = results(tests.stderr)
    count = collections.Counter(found.values())
    print(", ".join(f"{word}: {many}" for word, many in sorted(count.items())))
    new = [name for name, word in found.items() if word in ("FAIL", "ERROR") and name not in KNOWN]
    if new or count["ok"] < PASSED:
        sys.exit(f"{tests.stderr}\nnot known to fail: {new}; passed: {count['ok']} of {PASSED}")


if __name__ == "__main__":
    main()

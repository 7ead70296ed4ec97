#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| imap_backendutil_fuzz::maildir_files::run(octets));

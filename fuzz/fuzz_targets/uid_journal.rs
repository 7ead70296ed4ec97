#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| imap_backendutil_fuzz::uid_journal::run(octets));

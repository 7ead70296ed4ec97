#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| imap_backendutil_fuzz::search_program::run(octets));

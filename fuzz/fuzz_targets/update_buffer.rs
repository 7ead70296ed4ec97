#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| imap_backendutil_fuzz::update_buffer::run(octets));

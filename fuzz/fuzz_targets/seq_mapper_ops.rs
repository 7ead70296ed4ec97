#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| imap_backendutil_fuzz::seq_mapper_ops::run(octets));

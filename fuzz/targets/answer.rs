#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| papo_fuzz::rendezvous::check_answers(input));

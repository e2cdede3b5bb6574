//! The number by which a repeated text is found again, the same on every machine and in every version.

use uuid::Uuid;

/// FNV-1a with 64 bits over id and text. Only finds candidates: whether it is the same text is compared.
pub(super) fn of(msg_id: &str, text: &str) -> i64 {
    let hash = fnv1a(0xcbf2_9ce4_8422_2325, msg_id.as_bytes());
    // 0xff is in no UTF-8: the border between the two counts.
    fnv1a(fnv1a(hash, &[0xff]), text.as_bytes()).cast_signed()
}

/// Whether an id never comes twice, so that it marks a duplicate for ever: a UUID as the protocol writes it.
pub(super) fn is_unique(msg_id: &str) -> bool {
    const WRITTEN: usize = 36;
    msg_id.len() == WRITTEN && Uuid::try_parse(msg_id).is_ok_and(|id| !id.is_nil() && !id.is_max())
}

fn fnv1a(begin: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(begin, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_never_change_and_know_where_the_id_ends() {
        assert_eq!(of("", ""), 0xaf64_724c_8602_eb6e_u64.cast_signed());
        assert_ne!(of("a", "b"), of("ab", ""));
        assert_ne!(of("a", "b"), of("", "ab"));
    }

    #[test]
    fn only_written_out_uuids_are_unique() {
        assert!(is_unique("6f2c1a9b-0000-4000-8000-000000000001"));
        for other in [
            "msg-1700000000",
            "",
            "6f2c1a9b000040008000000000000001",
            "00000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
            "6f2c1a9b-0000-4000-8000-00000000000g",
        ] {
            assert!(!is_unique(other), "{other}");
        }
    }
}

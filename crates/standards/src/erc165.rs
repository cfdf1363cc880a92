//! ERC-165: which interfaces a contract has.

/// `ERC165` itself.
pub const ERC165: [u8; 4] = [0x01, 0xff, 0xc9, 0xa7];
/// ERC-721.
pub const ERC721: [u8; 4] = [0x80, 0xac, 0x58, 0xcd];
/// ERC-721's metadata extension.
pub const ERC721_METADATA: [u8; 4] = [0x5b, 0x5e, 0x13, 0x9f];
/// ERC-1155's receiver.
pub const ERC1155_RECEIVER: [u8; 4] = [0x4e, 0x23, 0x12, 0xe0];
/// ERC-4906: metadata that changes.
pub const ERC4906: [u8; 4] = [0x49, 0x06, 0x49, 0x06];

/// Whether a contract that has `interfaces` supports `id`: ERC-165 itself always, `0xffffffff` never.
#[must_use]
pub fn supports(id: [u8; 4], interfaces: &[[u8; 4]]) -> bool {
    id == ERC165 || (id != [0xff; 4] && interfaces.contains(&id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn itself_always_and_all_ones_never() {
        assert!(supports(ERC165, &[]));
        assert!(supports(ERC721, &[ERC721_METADATA, ERC721]));
        assert!(!supports(ERC721, &[ERC4906]));
        assert!(!supports([0xff; 4], &[[0xff; 4]]));
    }
}

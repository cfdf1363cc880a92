//! The token does what ERC-721 says, through its real router.

use alloy_primitives::U256;
use collectible::{Collectible, ICollectible};
use protocol::abi::{IERC165, IERC721};
use testkit::World;

#[test]
fn tokens_are_made_handed_on_and_refused_to_strangers() {
    let world = World::new();
    let [token, alice, bob, eve] = ["token", "alice", "bob", "eve"].map(|name| world.address(name));
    world.place::<Collectible>(token);
    let id = U256::from(7);
    world.send(alice, token, ICollectible::mintCall { to: alice, tokenId: id }).unwrap();
    assert_eq!(world.read(token, IERC721::ownerOfCall { tokenId: id }), alice);
    assert_eq!(world.read(token, IERC721::balanceOfCall { owner: alice }), U256::ONE);

    let twice = world.refused(eve, token, ICollectible::mintCall { to: eve, tokenId: id });
    assert!(twice.is::<IERC721::ERC721InvalidSender>(), "{twice:?}");
    let send = IERC721::transferFromCall { from: alice, to: bob, tokenId: id };
    let theft = world.refused(eve, token, send.clone());
    assert!(theft.is::<IERC721::ERC721InsufficientApproval>(), "{theft:?}");

    world.send(alice, token, IERC721::approveCall { to: eve, tokenId: id }).unwrap();
    assert_eq!(world.read(token, IERC721::getApprovedCall { tokenId: id }), eve);
    world.send(eve, token, send).unwrap();
    assert_eq!(world.read(token, IERC721::ownerOfCall { tokenId: id }), bob);
    assert!(world.read(token, IERC165::supportsInterfaceCall { interfaceId: [0x80, 0xac, 0x58, 0xcd].into() }));
}

//! Accounts and storage, with their past.
//!
//! Every value keeps its older values with the [`Version`] that set them. So the state at an old block is a look-up, not a
//! replay ([`State::at`]), and undoing blocks costs what they changed ([`State::rewind`]). [`Overlay`] is what
//! executions read: a view of some version with the overrides of an `eth_call` laid over it, and nothing copied.
//!
//! A state can be made again elsewhere: from all that it holds ([`State::contents`]), and from then on from what changes
//! ([`State::take_changes`]).

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::convert::Infallible;

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, Keccak256, U256};
use revm::bytecode::Bytecode;
use revm::database_interface::{Database, DatabaseCommit, DatabaseRef};
use revm::primitives::{AddressMap, B256Map, U256Map};
use revm::state::{AccountInfo, EvmState};

/// A moment of the state. It grows with every commit; blocks remember theirs.
pub type Version = u64;

/// One value over time, the oldest first. Before its first entry it has the default value.
#[derive(Clone, Debug, Default)]
struct Timeline<T>(VecDeque<(Version, T)>);

impl<T: Clone + Default + PartialEq> Timeline<T> {
    fn latest(&self) -> T {
        self.0.back().map(|(_, value)| value.clone()).unwrap_or_default()
    }

    fn at(&self, version: Version) -> T {
        let end = self.0.partition_point(|(set, _)| *set <= version);
        end.checked_sub(1).map(|i| self.0[i].1.clone()).unwrap_or_default()
    }

    /// Sets the value as of `version`; tells whether the timeline grew.
    fn set(&mut self, version: Version, value: T) -> bool {
        match self.0.back_mut() {
            Some((set, last)) if *set == version => {
                *last = value;
                false
            }
            last => {
                let unchanged = last.map_or(value == T::default(), |(_, last)| *last == value);
                if !unchanged {
                    self.0.push_back((version, value));
                }
                !unchanged
            }
        }
    }

    /// The entries that changed something.
    fn steps(&self) -> impl Iterator<Item = &(Version, T)> {
        let before = std::iter::once(None).chain(self.0.iter().map(Some));
        let changed = |before: Option<&(Version, T)>, value: &T| match before {
            None => *value != T::default(),
            Some((_, before)) => before != value,
        };
        self.0.iter().zip(before).filter(move |(entry, before)| changed(*before, &entry.1)).map(|(entry, _)| entry)
    }

    /// Drops what was set after `version`.
    fn rewind(&mut self, version: Version) {
        while self.0.pop_back_if(|(set, _)| *set > version).is_some() {}
    }

    /// Drops what `version` and later no longer see. What is busy has an entry for each block that is remembered: this
    /// must not depend on how many there are.
    fn forget(&mut self, version: Version) {
        while self.0.get(1).is_some_and(|(set, _)| *set <= version) {
            self.0.pop_front();
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Entry {
    /// Without code: that is in [`State::codes`].
    info: Timeline<Option<AccountInfo>>,
    storage: U256Map<Timeline<U256>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Account(Address),
    Slot(Address, U256),
}

/// What one version set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writes {
    /// The version.
    pub version: Version,
    /// Accounts, without their codes; none where one ceased to exist.
    pub accounts: Vec<(Address, Option<AccountInfo>)>,
    /// Slots and their values.
    pub slots: Vec<(Address, U256, U256)>,
}

impl Writes {
    fn new(version: Version) -> Self {
        Self { version, accounts: Vec::new(), slots: Vec::new() }
    }

    /// Brings them into an order that does not depend on the order in which they were made. Later ones of a key stay last.
    fn sort(&mut self) {
        self.accounts.sort_by_key(|(address, _)| *address);
        self.slots.sort_by_key(|(address, slot, _)| (*address, *slot));
    }
}

/// What became of a state between two moments: enough to follow it from one to the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// It went back to this version first.
    pub rewound: Option<Version>,
    /// Codes that came, with their hashes.
    pub codes: Vec<(B256, Bytes)>,
    /// What was set, by version, the oldest first.
    pub writes: Vec<Writes>,
    /// The version that it has then.
    pub version: Version,
    /// The oldest version that can be read then.
    pub horizon: Version,
}

/// Remembers what changes, from a moment on.
#[derive(Clone, Debug)]
struct Recorder {
    /// Version at that moment.
    start: Version,
    /// Horizon at that moment.
    horizon: Version,
    rewound: Option<Version>,
    codes: Vec<(B256, Bytes)>,
    writes: Vec<Writes>,
}

impl Recorder {
    /// The writes of a version, which is the latest.
    fn writes(&mut self, version: Version) -> &mut Writes {
        if self.writes.last().is_none_or(|last| last.version != version) {
            self.writes.push(Writes::new(version));
        }
        self.writes.last_mut().expect("one was pushed")
    }

    fn rewind(&mut self, version: Version) {
        self.writes.retain(|writes| writes.version <= version);
        if version < self.start {
            self.rewound = Some(self.rewound.map_or(version, |earlier| earlier.min(version)));
        }
    }
}

/// All accounts of the chain.
#[derive(Clone, Debug, Default)]
pub struct State {
    accounts: AddressMap<Entry>,
    codes: B256Map<Bytecode>,
    version: Version,
    /// Oldest version that can be read and rewound to.
    horizon: Version,
    /// Timelines that grew, in order.
    log: VecDeque<(Version, Key)>,
    recorder: Option<Recorder>,
}

impl State {
    /// The present version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The oldest version that can be read.
    pub fn horizon(&self) -> Version {
        self.horizon
    }

    /// The present.
    pub fn latest(&self) -> View<'_> {
        View { state: self, version: self.version }
    }

    /// The state as it was at `version`; none if that is forgotten or has not come yet.
    pub fn at(&self, version: Version) -> Option<View<'_>> {
        (self.horizon..=self.version).contains(&version).then_some(View { state: self, version })
    }

    /// Sets balance, nonce and code of an account, as a version of its own.
    pub fn set_account(&mut self, address: Address, info: AccountInfo) {
        self.version += 1;
        self.write_account(address, Some(info));
    }

    /// Sets one slot of an account, as a version of its own.
    pub fn set_storage(&mut self, address: Address, slot: U256, value: U256) {
        self.version += 1;
        self.write_slot(address, slot, value);
    }

    /// Puts an account in the place of what was there, its storage as well, as a version of its own.
    pub fn replace(&mut self, address: Address, info: AccountInfo, slots: impl IntoIterator<Item = (U256, U256)>) {
        self.version += 1;
        self.wipe_storage(address);
        for (slot, value) in slots {
            self.write_slot(address, slot, value);
        }
        self.write_account(address, Some(info));
    }

    /// Goes back to `version` and drops everything later. False, and nothing happens, if that is forgotten or yet to come.
    #[must_use]
    pub fn rewind(&mut self, version: Version) -> bool {
        if !(self.horizon..=self.version).contains(&version) {
            return false;
        }
        while let Some((_, key)) = self.log.pop_back_if(|(set, _)| *set > version) {
            match key {
                Key::Account(address) => {
                    if let Some(entry) = self.accounts.get_mut(&address) {
                        entry.info.rewind(version);
                    }
                }
                Key::Slot(address, slot) => {
                    let storage = self.accounts.get_mut(&address).map(|entry| &mut entry.storage);
                    if let Some(timeline) = storage.and_then(|storage| storage.get_mut(&slot)) {
                        timeline.rewind(version);
                    }
                }
            }
        }
        self.version = version;
        if let Some(recorder) = &mut self.recorder {
            recorder.rewind(version);
        }
        true
    }

    /// Makes `version` the oldest one that can still be read.
    pub fn forget_before(&mut self, version: Version) {
        self.horizon = version.clamp(self.horizon, self.version);
        let horizon = self.horizon;
        while let Some((_, key)) = self.log.pop_front_if(|(set, _)| *set <= horizon) {
            match key {
                Key::Account(address) => {
                    if let Some(entry) = self.accounts.get_mut(&address) {
                        entry.info.forget(horizon);
                    }
                }
                Key::Slot(address, slot) => {
                    let storage = self.accounts.get_mut(&address).map(|entry| &mut entry.storage);
                    if let Some(timeline) = storage.and_then(|storage| storage.get_mut(&slot)) {
                        timeline.forget(horizon);
                    }
                }
            }
        }
    }

    /// A hash of all that changed after `since`, chained to the hash of what was before: equal histories have equal hashes.
    ///
    /// It stands in a header where other chains have the root of the state trie, which would have to be built for every block.
    pub fn commitment(&self, previous: B256, since: Version) -> B256 {
        let first = self.log.partition_point(|(set, _)| *set <= since);
        let mut keys: Vec<Key> = self.log.range(first..).map(|(_, key)| *key).collect();
        keys.sort_unstable();
        keys.dedup();
        let mut hasher = Keccak256::new();
        hasher.update(previous);
        for key in keys {
            match key {
                Key::Account(address) => {
                    hasher.update([0]);
                    hasher.update(address);
                    let info = self.latest().info(address);
                    hasher.update(info.nonce.to_be_bytes());
                    hasher.update(info.balance.to_be_bytes::<32>());
                    hasher.update(info.code_hash);
                }
                Key::Slot(address, slot) => {
                    hasher.update([1]);
                    hasher.update(address);
                    hasher.update(slot.to_be_bytes::<32>());
                    hasher.update(self.latest().slot(address, slot).to_be_bytes::<32>());
                }
            }
        }
        hasher.finalize()
    }

    /// Accounts that exist at present, in the order of their addresses.
    pub fn accounts(&self) -> Vec<(Address, AccountInfo)> {
        let existing = self.accounts.iter().filter_map(|(address, entry)| Some((*address, entry.info.latest()?)));
        let mut accounts: Vec<_> = existing.collect();
        accounts.sort_by_key(|(address, _)| *address);
        accounts
    }

    /// Slots of an account that are not zero at present, in their order.
    pub fn slots(&self, address: Address) -> Vec<(U256, U256)> {
        let storage = self.accounts.get(&address).into_iter().flat_map(|entry| &entry.storage);
        let mut slots: Vec<_> = storage.map(|(slot, timeline)| (*slot, timeline.latest())).collect();
        slots.retain(|(_, value)| !value.is_zero());
        slots.sort_unstable();
        slots
    }

    /// From now on, remembers what changes for [`State::take_changes`].
    pub fn record(&mut self) {
        let (start, horizon) = (self.version, self.horizon);
        self.recorder = Some(Recorder { start, horizon, rewound: None, codes: Vec::new(), writes: Vec::new() });
    }

    /// What changed since this or [`State::record`] was called last; none if nothing did or nobody records.
    pub fn take_changes(&mut self) -> Option<Changes> {
        let (version, horizon) = (self.version, self.horizon);
        let recorder = self.recorder.as_mut()?;
        if (recorder.start, recorder.horizon, recorder.rewound) == (version, horizon, None)
            && recorder.codes.is_empty()
            && recorder.writes.is_empty()
        {
            return None;
        }
        (recorder.start, recorder.horizon) = (version, horizon);
        let mut writes = std::mem::take(&mut recorder.writes);
        writes.iter_mut().for_each(Writes::sort);
        let (rewound, codes) = (recorder.rewound.take(), std::mem::take(&mut recorder.codes));
        Some(Changes { rewound, codes, writes, version, horizon })
    }

    /// All that there is, as changes of an empty state.
    pub fn contents(&self) -> Changes {
        let mut codes: Vec<_> = self.codes.iter().map(|(hash, code)| (*hash, code.original_bytes())).collect();
        codes.sort_by_key(|(hash, _)| *hash);
        let mut writes = BTreeMap::<Version, Writes>::new();
        for (address, entry) in &self.accounts {
            for (version, info) in entry.info.steps() {
                let at = writes.entry(*version).or_insert_with(|| Writes::new(*version));
                at.accounts.push((*address, info.clone()));
            }
            for (slot, timeline) in &entry.storage {
                for (version, value) in timeline.steps() {
                    let at = writes.entry(*version).or_insert_with(|| Writes::new(*version));
                    at.slots.push((*address, *slot, *value));
                }
            }
        }
        let mut writes: Vec<_> = writes.into_values().collect();
        writes.iter_mut().for_each(Writes::sort);
        Changes { rewound: None, codes, writes, version: self.version, horizon: self.horizon }
    }

    /// Follows another state. False if these are no changes of this one; then it is of no use any more.
    #[must_use]
    pub fn apply(&mut self, changes: Changes) -> bool {
        if changes.rewound.is_some_and(|version| !self.rewind(version)) {
            return false;
        }
        self.codes.extend(changes.codes.into_iter().map(|(hash, code)| (hash, bytecode(code))));
        for Writes { version, accounts, slots } in changes.writes {
            if version < self.version || version > changes.version {
                return false;
            }
            self.version = version;
            for (address, info) in accounts {
                self.write_account(address, info);
            }
            for (address, slot, value) in slots {
                self.write_slot(address, slot, value);
            }
        }
        if changes.version < self.version || !(self.horizon..=changes.version).contains(&changes.horizon) {
            return false;
        }
        self.version = changes.version;
        self.forget_before(changes.horizon);
        true
    }

    fn write_account(&mut self, address: Address, info: Option<AccountInfo>) {
        let info = info.filter(|info| !info.is_empty()).map(|mut info| {
            if let Some(code) = info.take_bytecode().filter(|code| !code.is_empty())
                && !self.codes.contains_key(&info.code_hash)
            {
                if let Some(recorder) = &mut self.recorder {
                    recorder.codes.push((info.code_hash, code.original_bytes()));
                }
                self.codes.insert(info.code_hash, code);
            }
            info
        });
        if let Some(recorder) = &mut self.recorder {
            recorder.writes(self.version).accounts.push((address, info.clone()));
        }
        if self.accounts.entry(address).or_default().info.set(self.version, info) {
            self.log.push_back((self.version, Key::Account(address)));
        }
    }

    fn write_slot(&mut self, address: Address, slot: U256, value: U256) {
        if let Some(recorder) = &mut self.recorder {
            recorder.writes(self.version).slots.push((address, slot, value));
        }
        let entry = self.accounts.entry(address).or_default();
        if entry.storage.entry(slot).or_default().set(self.version, value) {
            self.log.push_back((self.version, Key::Slot(address, slot)));
        }
    }

    fn wipe_storage(&mut self, address: Address) {
        let Some(entry) = self.accounts.get_mut(&address) else { return };
        for (slot, timeline) in &mut entry.storage {
            if timeline.latest().is_zero() {
                continue;
            }
            if let Some(recorder) = &mut self.recorder {
                recorder.writes(self.version).slots.push((address, *slot, U256::ZERO));
            }
            if timeline.set(self.version, U256::ZERO) {
                self.log.push_back((self.version, Key::Slot(address, *slot)));
            }
        }
    }
}

impl DatabaseCommit for State {
    /// Stores what an execution changed, as one version.
    fn commit(&mut self, changes: EvmState) {
        self.version += 1;
        for (address, account) in changes {
            if !account.is_touched() {
                continue;
            }
            if account.is_selfdestructed() {
                self.wipe_storage(address);
                self.write_account(address, None);
                continue;
            }
            let is_created = account.is_created();
            if is_created {
                self.wipe_storage(address);
            }
            for (slot, value) in account.storage {
                if value.is_changed() || is_created {
                    self.write_slot(address, slot, value.present_value);
                }
            }
            self.write_account(address, Some(account.info));
        }
    }
}

/// The state at one version.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    state: &'a State,
    version: Version,
}

impl View<'_> {
    /// Balance, nonce and code hash of an account; those of an empty one if it does not exist.
    pub fn info(&self, address: Address) -> AccountInfo {
        self.account(address).unwrap_or_default()
    }

    /// Balance in wei.
    pub fn balance(&self, address: Address) -> U256 {
        self.info(address).balance
    }

    /// Number of transactions sent or, of a contract, one more than the contracts it created.
    pub fn nonce(&self, address: Address) -> u64 {
        self.info(address).nonce
    }

    /// Code of an account, as it was deployed.
    pub fn code(&self, address: Address) -> Bytes {
        self.bytecode(self.info(address).code_hash).original_bytes()
    }

    /// Value of a slot.
    pub fn slot(&self, address: Address, slot: U256) -> U256 {
        let entry = self.state.accounts.get(&address);
        entry.and_then(|entry| entry.storage.get(&slot)).map(|timeline| timeline.at(self.version)).unwrap_or_default()
    }

    fn account(&self, address: Address) -> Option<AccountInfo> {
        let entry = self.state.accounts.get(&address)?;
        if self.version == self.state.version { entry.info.latest() } else { entry.info.at(self.version) }
    }

    fn bytecode(&self, hash: B256) -> Bytecode {
        if hash == KECCAK256_EMPTY {
            return Bytecode::default();
        }
        self.state.codes.get(&hash).cloned().unwrap_or_default()
    }
}

impl DatabaseRef for View<'_> {
    type Error = Infallible;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        Ok(self.account(address).map(|mut info| {
            info.code = Some(self.bytecode(info.code_hash));
            info
        }))
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, Infallible> {
        Ok(self.bytecode(code_hash))
    }

    fn storage_ref(&self, address: Address, index: U256) -> Result<U256, Infallible> {
        Ok(self.slot(address, index))
    }

    /// Contracts see hashes of L1 blocks, which are not part of the state: the executor makes them.
    fn block_hash_ref(&self, _number: u64) -> Result<B256, Infallible> {
        Ok(B256::ZERO)
    }
}

/// Bytecode of any bytes: what is no valid delegation (EIP-7702) is code like any other.
pub fn bytecode(bytes: Bytes) -> Bytecode {
    Bytecode::new_raw_checked(bytes.clone()).unwrap_or_else(|_| Bytecode::new_legacy(bytes))
}

/// What an `eth_call` sees different about an account.
#[derive(Clone, Debug, Default)]
pub struct AccountOverride {
    /// Balance in wei.
    pub balance: Option<U256>,
    /// Nonce.
    pub nonce: Option<u64>,
    /// Code.
    pub code: Option<Bytes>,
    /// Storage.
    pub storage: StorageOverride,
}

/// What an `eth_call` sees different about an account's storage.
#[derive(Clone, Debug, Default)]
pub enum StorageOverride {
    /// Nothing.
    #[default]
    None,
    /// These slots; the others as they are.
    Some(HashMap<U256, U256>),
    /// These slots; the others are zero.
    All(HashMap<U256, U256>),
}

/// A view with overrides over it: the database of one execution.
#[derive(Clone, Debug)]
pub struct Overlay<'a> {
    view: View<'a>,
    accounts: AddressMap<Overridden>,
}

#[derive(Clone, Debug)]
struct Overridden {
    info: AccountInfo,
    storage: StorageOverride,
}

impl<'a> Overlay<'a> {
    /// Lays `overrides` over `view`.
    pub fn new(view: View<'a>, overrides: &HashMap<Address, AccountOverride>) -> Self {
        let accounts = overrides.iter().map(|(address, change)| {
            let mut info = view.info(*address);
            info.balance = change.balance.unwrap_or(info.balance);
            info.nonce = change.nonce.unwrap_or(info.nonce);
            match &change.code {
                Some(code) => {
                    info.set_code(bytecode(code.clone()));
                }
                None => info.code = Some(view.bytecode(info.code_hash)),
            }
            (*address, Overridden { info, storage: change.storage.clone() })
        });
        Self { view, accounts: accounts.collect() }
    }
}

impl<'a> From<View<'a>> for Overlay<'a> {
    fn from(view: View<'a>) -> Self {
        Self { view, accounts: AddressMap::default() }
    }
}

impl Database for Overlay<'_> {
    type Error = Infallible;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        match self.accounts.get(&address) {
            Some(overridden) => Ok(Some(overridden.info.clone())),
            None => self.view.basic_ref(address),
        }
    }

    fn code_by_hash(&mut self, code_hash: B256) -> Result<Bytecode, Infallible> {
        let overridden = self.accounts.values().find(|account| account.info.code_hash == code_hash);
        match overridden.and_then(|account| account.info.code.clone()) {
            Some(code) => Ok(code),
            None => self.view.code_by_hash_ref(code_hash),
        }
    }

    fn storage(&mut self, address: Address, index: U256) -> Result<U256, Infallible> {
        match self.accounts.get(&address).map(|account| &account.storage) {
            Some(StorageOverride::Some(slots)) if slots.contains_key(&index) => Ok(slots[&index]),
            Some(StorageOverride::All(slots)) => Ok(slots.get(&index).copied().unwrap_or_default()),
            _ => self.view.storage_ref(address, index),
        }
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Infallible> {
        self.view.block_hash_ref(number)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use revm::state::{Account, EvmStorageSlot, TransactionId};

    use super::*;

    /// What a few accounts are at one version: the slow way to keep a past.
    type Model = HashMap<Address, (u64, HashMap<U256, U256>)>;

    #[derive(Clone, Debug)]
    enum Step {
        Store { account: u8, slot: u8, value: u8 },
        Nonce { account: u8, nonce: u8 },
        Destroy { account: u8 },
        Rewind { steps: u8 },
        Forget { steps: u8 },
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            6 => (0u8..4, 0u8..4, 0u8..4).prop_map(|(account, slot, value)| Step::Store { account, slot, value }),
            3 => (0u8..4, 0u8..4).prop_map(|(account, nonce)| Step::Nonce { account, nonce }),
            1 => (0u8..4).prop_map(|account| Step::Destroy { account }),
            1 => (0u8..8).prop_map(|steps| Step::Rewind { steps }),
            1 => (0u8..16).prop_map(|steps| Step::Forget { steps }),
        ];
        proptest::collection::vec(step, 1..80)
    }

    fn address(account: u8) -> Address {
        Address::repeat_byte(account + 1)
    }

    fn destroyed() -> Account {
        let mut account = Account::default();
        account.mark_touch();
        account.mark_selfdestruct();
        account
    }

    fn assert_equal(view: View<'_>, model: &Model) {
        for account in 0..4 {
            let (nonce, slots) = model.get(&address(account)).cloned().unwrap_or_default();
            assert_eq!(view.nonce(address(account)), nonce);
            for slot in (0..4).map(U256::from) {
                assert_eq!(view.slot(address(account), slot), slots.get(&slot).copied().unwrap_or_default());
            }
        }
    }

    /// Every version that is kept reads as the model, and no other is there.
    fn check(state: &State, past: &[Model], horizon: Version) {
        assert_eq!(state.version() as usize + 1, past.len());
        for (version, model) in past.iter().enumerate() {
            match state.at(version as Version) {
                Some(view) => assert_equal(view, model),
                None => assert!((version as Version) < horizon),
            }
        }
    }

    proptest! {
        /// Every version that is not forgotten reads as it was, through rewinds and forgetting; also in a state that
        /// follows this one, now and then, and in one that is made from it.
        #[test]
        fn the_past_reads_as_it_was(steps in steps(), pause in 1usize..6) {
            let (mut state, mut follower) = (State::default(), State::default());
            state.record();
            let mut past = vec![Model::default()];
            let mut horizon = 0;
            for (i, step) in steps.into_iter().enumerate() {
                let mut now = past.last().expect("never empty").clone();
                match step {
                    Step::Store { account, slot, value } => {
                        state.set_storage(address(account), U256::from(slot), U256::from(value));
                        now.entry(address(account)).or_default().1.insert(U256::from(slot), U256::from(value));
                        past.push(now);
                    }
                    Step::Nonce { account, nonce } => {
                        state.set_account(address(account), AccountInfo::default().with_nonce(nonce.into()));
                        now.entry(address(account)).or_default().0 = nonce.into();
                        past.push(now);
                    }
                    Step::Destroy { account } => {
                        state.commit(EvmState::from_iter([(address(account), destroyed())]));
                        now.remove(&address(account));
                        past.push(now);
                    }
                    Step::Rewind { steps } => {
                        let version = state.version().saturating_sub(steps.into());
                        prop_assert_eq!(state.rewind(version), version >= horizon);
                        if version >= horizon {
                            past.truncate(version as usize + 1);
                        }
                    }
                    Step::Forget { steps } => {
                        horizon = horizon.max(state.version().saturating_sub(steps.into()));
                        state.forget_before(horizon);
                    }
                }
                if i % pause == 0
                    && let Some(changes) = state.take_changes()
                {
                    prop_assert!(follower.apply(changes));
                }
                check(&state, &past, horizon);
            }
            if let Some(changes) = state.take_changes() {
                prop_assert!(follower.apply(changes));
            }
            prop_assert_eq!(state.take_changes(), None);
            prop_assert_eq!(follower.contents(), state.contents());
            let mut copy = State::default();
            prop_assert!(copy.apply(state.contents()));
            prop_assert_eq!(copy.contents(), state.contents());
            for state in [follower, copy] {
                check(&state, &past, horizon);
            }
        }
    }

    #[test]
    fn equal_histories_have_equal_commitments() {
        let build = |order: [u64; 2]| {
            let mut state = State::default();
            let mut account = Account::default();
            account.mark_touch();
            account.info.nonce = 1;
            for slot in order {
                let value = EvmStorageSlot::new_changed(U256::ZERO, U256::from(slot), TransactionId::ZERO);
                account.storage.insert(U256::from(slot), value);
            }
            state.commit(EvmState::from_iter([(address(0), account)]));
            state.commitment(B256::ZERO, 0)
        };
        assert_eq!(build([1, 2]), build([2, 1]));
        assert_ne!(build([1, 2]), build([1, 3]));
        assert_ne!(State::default().commitment(B256::ZERO, 0), State::default().commitment(B256::repeat_byte(1), 0));
    }

    #[test]
    fn code_survives_that_its_account_is_changed() {
        let mut state = State::default();
        let code = Bytes::from_static(&[0xef, 0xf0, 0, 0, 1]);
        state.set_account(address(0), AccountInfo::from_bytecode(bytecode(code.clone())));
        let info = AccountInfo { nonce: 7, ..state.latest().info(address(0)) };
        state.set_account(address(0), info);
        assert_eq!((state.latest().code(address(0)), state.latest().nonce(address(0))), (code, 7));
        assert_eq!(state.at(0).expect("kept").code(address(0)), Bytes::new());
    }

    #[test]
    fn an_overlay_changes_only_what_it_names() {
        let mut state = State::default();
        state.set_account(address(0), AccountInfo::from_balance(U256::from(5)));
        state.set_storage(address(0), U256::from(1), U256::from(11));
        state.set_storage(address(0), U256::from(2), U256::from(22));
        let over = |storage| AccountOverride { nonce: Some(3), storage, ..AccountOverride::default() };
        let read = |storage, slot: u64| {
            let overrides = HashMap::from([(address(0), over(storage))]);
            let mut overlay = Overlay::new(state.latest(), &overrides);
            let Ok(info) = overlay.basic(address(0));
            let info = info.expect("it exists");
            assert_eq!((info.balance, info.nonce), (U256::from(5), 3));
            let Ok(value) = overlay.storage(address(0), U256::from(slot));
            value
        };
        let slots = || HashMap::from([(U256::from(1), U256::from(99))]);
        assert_eq!(read(StorageOverride::None, 1), U256::from(11));
        assert_eq!(
            (read(StorageOverride::Some(slots()), 1), read(StorageOverride::Some(slots()), 2)),
            (U256::from(99), U256::from(22))
        );
        assert_eq!(
            (read(StorageOverride::All(slots()), 1), read(StorageOverride::All(slots()), 2)),
            (U256::from(99), U256::ZERO)
        );
    }
}

//! Rows to records. Column lists stand beside the statements that use them.

use crate::encode::{ACCOUNT, NUMBER, split_ids};
use crate::error::StoreError;
use crate::value::Row;
use base::Period;
use registry::protect::Crypto;
use registry::record::{Evidence, Identity, Membership, PayeeAccount, Provenance, Residence};

fn period(row: &Row, at: usize) -> Result<Period, StoreError> {
    Ok(Period {
        from: row.day(at)?,
        to: row.maybe_day(at + 1)?,
    })
}

fn origin(row: &Row, at: usize) -> Result<Provenance, StoreError> {
    Ok(Provenance {
        recorded_at: row.instant(at)?,
        recorded_by: row.text(at + 1)?,
        source: row.text(at + 2)?,
    })
}

/// person, id, name, sex, birth, number_sealed, recorded_at, recorded_by, source
pub(crate) fn identity(crypto: &dyn Crypto, row: &Row) -> Result<Identity, StoreError> {
    let sealed = row.maybe_bytes(5)?;
    Ok(Identity {
        person: row.id(0)?,
        id: row.id(1)?,
        name: row.text(2)?,
        sex: row.word(3)?,
        birth: row.day(4)?,
        number: sealed.map(|s| crypto.open(NUMBER, s)).transpose()?,
        provenance: origin(row, 6)?,
    })
}

/// household, id, area, address, valid_from, valid_to, recorded_at, recorded_by, source
pub(crate) fn residence(row: &Row) -> Result<Residence, StoreError> {
    Ok(Residence {
        household: row.id(0)?,
        id: row.id(1)?,
        area: row.text(2)?,
        address: row.text(3)?,
        valid: period(row, 4)?,
        provenance: origin(row, 6)?,
    })
}

/// household, person, id, relation, member, valid_from, valid_to, recorded_at, recorded_by, source
pub(crate) fn membership(row: &Row) -> Result<Membership, StoreError> {
    Ok(Membership {
        household: row.id(0)?,
        person: row.id(1)?,
        id: row.id(2)?,
        relation: row.text(3)?,
        member: row.int(4)? != 0,
        valid: period(row, 5)?,
        provenance: origin(row, 7)?,
    })
}

/// shard, subject, id, kind, value, valid_from, valid_to, withdraws, recorded_at, recorded_by, source
pub(crate) fn evidence(row: &Row) -> Result<Evidence, StoreError> {
    Ok(Evidence {
        shard: row.text(0)?,
        subject: row.id(1)?,
        id: row.id(2)?,
        kind: row.text(3)?,
        value: row.json(4)?,
        valid: period(row, 5)?,
        withdraws: row.maybe_bytes(7)?.map(split_ids).unwrap_or_default(),
        provenance: origin(row, 8)?,
    })
}

/// subject, id, holder, number_sealed, bank, valid_from, valid_to, recorded_at, recorded_by, source
pub(crate) fn payee(crypto: &dyn Crypto, row: &Row) -> Result<PayeeAccount, StoreError> {
    Ok(PayeeAccount {
        subject: row.id(0)?,
        id: row.id(1)?,
        holder: row.text(2)?,
        number: crypto.open(ACCOUNT, row.bytes(3)?)?,
        bank: row.text(4)?,
        valid: period(row, 5)?,
        provenance: origin(row, 7)?,
    })
}

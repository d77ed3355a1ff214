//! Lists of the contract's records and variants, written into a guest's memory in one go.
//!
//! The code that wasmtime derives looks up the memory again for every field of every element, which takes a
//! tenth of a decision's time. Here a list's place is looked up once. Types are still compared by what wasmtime
//! derives (`ComponentType`). If the bytes differed from the canonical ABI's, a plugin would read nonsense, so
//! every golden case tests them.

#![allow(unsafe_code, reason = "wasmtime lets nobody write values but through an unsafe trait, see SAFETY")]

use crate::contract::{Engagement, Given, Lead, TextRange, Touch};
use std::mem::MaybeUninit;
use wasmtime::component::__internal::{InterfaceType, LowerContext};
use wasmtime::component::{ComponentType, Lower};

/// An element of a list, as the canonical ABI lays it out.
trait Row<const BYTES: usize> {
    /// Its bytes; those between its fields are zero.
    fn bytes(&self) -> [u8; BYTES];
}

macro_rules! lower_rows {
    ($($element:ty: $bytes:literal),+) => {$(
        const _: () = assert!(<$element as ComponentType>::SIZE32 == $bytes);

        // SAFETY: the bytes are those of the canonical ABI, by `Row`; every access to the guest's memory is checked.
        unsafe impl Lower for $element {
            fn linear_lower_to_flat<T>(
                &self,
                _: &mut LowerContext<'_, T>,
                _: InterfaceType,
                _: &mut MaybeUninit<Self::Lower>,
            ) -> wasmtime::Result<()> {
                Err(wasmtime::Error::msg("the contract has this type in lists only"))
            }

            fn linear_lower_to_memory<T>(
                &self,
                cx: &mut LowerContext<'_, T>,
                _: InterfaceType,
                offset: usize,
            ) -> wasmtime::Result<()> {
                *cx.get::<$bytes>(offset) = self.bytes();
                Ok(())
            }

            fn linear_store_list_to_memory<T>(
                cx: &mut LowerContext<'_, T>,
                _: InterfaceType,
                offset: usize,
                items: &[Self],
            ) -> wasmtime::Result<()> {
                let place = &mut cx.as_slice_mut()[offset..][..items.len() * $bytes];
                for (row, item) in place.as_chunks_mut::<$bytes>().0.iter_mut().zip(items) {
                    *row = item.bytes();
                }
                Ok(())
            }
        }
    )+};
}

lower_rows!(Given: 16, Touch: 12, Engagement: 12, Lead: 40);

impl Row<16> for Given {
    fn bytes(&self) -> [u8; 16] {
        let (case, payload): (u8, u64) = match *self {
            Self::Blank => (0, 0),
            Self::Boolean(yes) => (1, u64::from(yes)),
            Self::Int(int) => (2, int.cast_unsigned()),
            Self::Number(number) => (3, number.to_bits()),
            Self::Text(text) => (4, u64::from(text)),
            Self::Time(ms) => (5, ms.cast_unsigned()),
            Self::Duration(ms) => (6, ms.cast_unsigned()),
            Self::Texts(TextRange { first, count }) => (7, u64::from(first) | u64::from(count) << 32),
        };
        joined([u64::from(case), payload].map(u64::to_le_bytes))
    }
}

impl Row<12> for Touch {
    fn bytes(&self) -> [u8; 12] {
        let what = u32::from(self.channel) | u32::from(self.outcome) << 16;
        let result = self.result.map_or(0, |code| 1 | u32::from(code) << 16);
        joined([self.age, what, result].map(u32::to_le_bytes))
    }
}

impl Row<12> for Engagement {
    fn bytes(&self) -> [u8; 12] {
        joined([self.age, u32::from(self.kind), self.detail].map(u32::to_le_bytes))
    }
}

impl Row<40> for Lead {
    fn bytes(&self) -> [u8; 40] {
        let history = u64::from(self.touches) | u64::from(self.engagement) << 32;
        let owner = self.owner_present.map_or(0, |present| 1 | u64::from(present) << 8);
        let (scored, points) = self.previous_score.map_or((0, 0), |points| (1, u64::from(points.cast_unsigned())));
        let (counted, elapsed) = self.business_elapsed.map_or((0, 0), |ms| (1, ms));
        joined([history, owner | scored << 32, points, counted, elapsed].map(u64::to_le_bytes))
    }
}

/// Neighbouring fields in one piece.
fn joined<const FIELD: usize, const FIELDS: usize, const BYTES: usize>(fields: [[u8; FIELD]; FIELDS]) -> [u8; BYTES] {
    const { assert!(FIELD * FIELDS == BYTES) };
    let mut bytes = [0; BYTES];
    bytes.copy_from_slice(fields.as_flattened());
    bytes
}

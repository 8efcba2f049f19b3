//! Newtypes for measured quantities, so that a duration is never added to a size.

use serde::{Deserialize, Serialize};
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};

macro_rules! quantity {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            pub const ZERO: Self = Self(0);

            /// Difference, 0 where `other` is larger.
            #[must_use]
            pub fn saturating_sub(self, other: Self) -> Self {
                Self(self.0.saturating_sub(other.0))
            }

            /// The value as a float, for shares and drawing.
            #[must_use]
            #[expect(clippy::cast_precision_loss, reason = "2^53 ns are 104 days, 2^53 bytes are 8 PiB")]
            pub fn as_f64(self) -> f64 {
                self.0 as f64
            }

            /// This over `whole`, between 0 and 1 for a part of it; 0 where the whole is 0.
            #[must_use]
            pub fn share_of(self, whole: Self) -> f64 {
                if whole.0 == 0 { 0.0 } else { self.as_f64() / whole.as_f64() }
            }
        }

        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }
        }

        impl Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                self.saturating_sub(other)
            }
        }

        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                *self = *self + other;
            }
        }

        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(values: I) -> Self {
                values.fold(Self::ZERO, Add::add)
            }
        }
    };
}

quantity!(
    /// Nanoseconds: a duration, or a time since the start of the recording.
    Nanos
);
quantity!(
    /// Bytes.
    Bytes
);

impl Nanos {
    pub const SECOND: Self = Self(1_000_000_000);
    pub const MILLISECOND: Self = Self(1_000_000);

    /// Seconds as a float.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.as_f64() / 1e9
    }
}

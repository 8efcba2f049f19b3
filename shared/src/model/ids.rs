//! Typed handles into the tables of a profile.

macro_rules! handle {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The row in its table.
            #[must_use]
            pub fn index(self) -> usize {
                self.0 as usize
            }

            /// The handle of a row. Tables are limited to `u32::MAX - 1` rows by the builder.
            #[must_use]
            #[expect(clippy::cast_possible_truncation, reason = "the builder refuses tables that large")]
            pub fn from_index(index: usize) -> Self {
                Self(index as u32)
            }
        }
    };
}

handle!(
    /// A row of the string table.
    StringId
);
handle!(
    /// A row of the module table: a binary, a shared object, or a pseudo-module such as `[python]`.
    ModuleId
);
handle!(
    /// A row of the function table.
    FunctionId
);
handle!(
    /// A row of the frame table: a function at a line (and address).
    FrameId
);
handle!(
    /// A row of the stack table: a frame and the stack that called it.
    StackId
);
handle!(
    /// A row of the thread table.
    ThreadId
);

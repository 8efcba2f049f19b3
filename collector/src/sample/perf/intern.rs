//! Rows of the spool for frames, found again quickly.

use super::process::Code;
use crate::spool::{RawFrame, StackWriter};
use crate::symbolize::{ImageId, Images};
use perfcollect_shared::model::KERNEL_MODULE;
use std::collections::HashMap;

/// Hashes a few integers; the keys are addresses and row numbers, which nobody chooses to collide.
pub(super) type FastMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// Where a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Image(ImageId),
    Jit(u32),
    Kernel,
    Unknown,
}

impl Place {
    pub(super) fn of(code: Code, pid: u32) -> Self {
        match code {
            Code::Image { id, .. } => Self::Image(id),
            Code::Jit => Self::Jit(pid),
            Code::Unknown => Self::Unknown,
        }
    }
}

/// Rows that were written before.
#[derive(Debug)]
pub(super) struct Interned {
    frames: FastMap<(Place, u64), u32>,
    kernel_names: bool,
    boot_id: String,
}

impl Interned {
    pub(super) fn new(kernel_names: bool, boot_id: String) -> Self {
        Self { frames: FastMap::default(), kernel_names, boot_id }
    }

    /// The row of a frame; `address` is the stated one for files, as in the process otherwise.
    pub(super) fn frame(&mut self, writer: &mut StackWriter, images: &Images, place: Place, address: u64) -> u32 {
        let hidden = place == Place::Kernel && !self.kernel_names;
        let address = if hidden { 0 } else { address };
        *self.frames.entry((place, address)).or_insert_with(|| {
            let module = match place {
                Place::Image(id) => {
                    let image = images.get(id);
                    writer.module(&image.path, &image.headers.build_id)
                }
                Place::Jit(pid) => writer.module(&format!("[jit:{pid}]"), ""),
                Place::Kernel if hidden => {
                    return writer.frame(RawFrame::Named {
                        module: KERNEL_MODULE.to_owned(),
                        name: KERNEL_MODULE.to_owned(),
                        file: String::new(),
                        start_line: 0,
                        line: 0,
                    });
                }
                Place::Kernel => writer.module(&format!("[kernel:{}]", self.boot_id), ""),
                Place::Unknown => writer.module("[unknown]", ""),
            };
            writer.frame(RawFrame::Native(module, address))
        })
    }
}

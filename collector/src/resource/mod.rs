//! What the kernel says of the tree while it runs: CPU time, memory, threads, files, I/O.
//!
//! Must not look at stacks or change anything of the program.

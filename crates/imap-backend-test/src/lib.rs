//! placeholder
mod memory;
pub use memory::MemoryBackend;

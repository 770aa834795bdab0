//! Writes the Kotlin and Swift that call the library, from the library itself.

fn main() {
    uniffi::uniffi_bindgen_main();
}

//! payamak for Kotlin and Swift: the library behind both.

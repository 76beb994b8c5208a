//! A release embeds the pages and the tables: a file added to either folder must lead to a new build.
//! A debug build reads them from disk, so there a changed page costs no compiling.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!("cargo::rerun-if-changed=assets");
        println!("cargo::rerun-if-changed=../programs/templates");
    }
}

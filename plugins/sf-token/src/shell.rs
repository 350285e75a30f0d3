//! Names in the commands that are shown, as a shell takes them.

/// `name` as a shell takes it.
#[must_use]
pub fn quoted(name: &str) -> String {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/' | b':');
    if !name.is_empty() && name.bytes().all(plain) && !name.starts_with('-') {
        return name.to_owned();
    }
    format!("'{}'", name.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_for_a_shell_when_they_must_be() {
        for (name, expected) in [
            ("myToken", "myToken"),
            ("my token", "'my token'"),
            ("it's", r"'it'\''s'"),
            ("-x", "'-x'"),
        ] {
            assert_eq!(quoted(name), expected);
        }
    }
}

//! OAUTHBEARER (RFC 7628) and XOAUTH2.

use imap_backend::Claim;

use super::split_gs2_header;
use crate::options::OAuth;

/// Reads the message of OAUTHBEARER (RFC 7628, section 3.1); `None` where there is no bearer token in it.
pub(crate) fn oauthbearer(message: &str) -> Option<Claim> {
    let (header, pairs) = split_gs2_header(message)?;
    if !matches!(header.flag, "n" | "y") {
        return None;
    }
    claim(header.user, pairs.strip_prefix('\u{1}')?)
}

/// Reads the message of XOAUTH2, which has the user among the pairs.
pub(crate) fn xoauth2(message: &str) -> Option<Claim> {
    let user = message
        .split('\u{1}')
        .find_map(|pair| pair.strip_prefix("user="))?;
    claim((!user.is_empty()).then(|| user.to_owned()), message)
}

fn claim(user: Option<String>, pairs: &str) -> Option<Claim> {
    let authorization = pairs.split('\u{1}').find_map(|pair| pair.strip_prefix("auth="))?;
    let (scheme, token) = authorization.trim().split_once(' ')?;
    let token = token.trim();
    let is_token = !token.is_empty() && token.bytes().all(|octet| octet.is_ascii_graphic());
    (scheme.eq_ignore_ascii_case("Bearer") && is_token).then(|| Claim::bearer(user, token.to_owned()))
}

/// What a client is told whose token was refused (RFC 7628, section 3.2.2), so that it can get another one.
pub(crate) fn refusal(status: &str, oauth: &OAuth) -> String {
    let mut json = format!("{{\"status\":\"{status}\"");
    for (key, value) in [
        ("scope", &oauth.scope),
        ("openid-configuration", &oauth.openid_configuration),
    ] {
        if let Some(value) = value {
            json.push_str(&format!(",\"{key}\":\"{}\"", escaped(value)));
        }
    }
    json.push('}');
    json
}

/// The inside of a JSON string (RFC 8259, section 7).
fn escaped(text: &str) -> String {
    let mut all = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '\\' => all.extend(['\\', character]),
            control if control < ' ' => all.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => all.push(other),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(claim: Option<Claim>) -> Option<(Option<String>, String)> {
        match claim? {
            Claim::Bearer { user, token, .. } => Some((user, token)),
            _ => None,
        }
    }

    fn bearer(user: &str, token: &str) -> Option<(Option<String>, String)> {
        let user = (!user.is_empty()).then(|| user.to_owned());
        Some((user, token.to_owned()))
    }

    /// RFC 7628, section 4.1.
    #[test]
    fn rfc7628_4_1_the_example_is_read() {
        let message = "n,a=user@example.com,\u{1}host=server.example.com\u{1}port=143\u{1}\
                       auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\u{1}\u{1}";
        assert_eq!(
            parts(oauthbearer(message)),
            bearer("user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==")
        );
    }

    #[test]
    fn a_message_without_a_token_is_no_claim() {
        for bad in [
            "",
            "\u{1}",
            "n,,\u{1}auth=\u{1}\u{1}",
            "n,,\u{1}auth=Bearer\u{1}\u{1}",
            "n,,\u{1}auth=Bearer a b\u{1}\u{1}",
            "n,,\u{1}auth=Basic abc\u{1}\u{1}",
            "n,,auth=Bearer abc\u{1}\u{1}",
            "p=tls-exporter,,\u{1}auth=Bearer abc\u{1}\u{1}",
            "n,joe,\u{1}auth=Bearer abc\u{1}\u{1}",
        ] {
            assert_eq!(parts(oauthbearer(bad)), None, "{bad:?}");
        }
        assert_eq!(
            parts(oauthbearer("n,,\u{1}auth=bearer abc\u{1}\u{1}")),
            bearer("", "abc")
        );
    }

    #[test]
    fn xoauth2_has_the_user_among_its_pairs() {
        let message = "user=joe@example.com\u{1}auth=Bearer ya29.abc\u{1}\u{1}";
        assert_eq!(parts(xoauth2(message)), bearer("joe@example.com", "ya29.abc"));
        assert_eq!(parts(xoauth2("auth=Bearer ya29.abc\u{1}\u{1}")), None);
    }

    #[test]
    fn what_the_operator_says_is_told_as_json() {
        let oauth = OAuth::default().scope("a \"b\"\n");
        assert_eq!(
            refusal("invalid_token", &oauth),
            r#"{"status":"invalid_token","scope":"a \"b\"\u000a"}"#
        );
    }
}

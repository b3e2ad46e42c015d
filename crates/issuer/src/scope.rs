//! Scopes: what a client asked for and what it is granted (RFC 6749 §3.3, OpenID Connect Core §5.4).

/// A granted scope: `openid`, and what else is known here of what was asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a>(&'a str);

/// A group of claims that a scope value stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claims {
    Profile,
    Email,
}

impl<'a> Scope<'a> {
    /// A scope as [`Scopes::grant`] made it.
    pub(crate) fn granted(text: &'a str) -> Self {
        Self(text)
    }

    pub(crate) fn includes(self, claims: Claims) -> bool {
        let wanted = match claims {
            Claims::Profile => "profile",
            Claims::Email => "email",
        };
        self.0.split(' ').any(|value| value == wanted)
    }

    /// Whether everything in `asked` has been granted.
    pub(crate) fn covers(self, asked: &str) -> bool {
        asked.split(' ').all(|value| self.0.split(' ').any(|granted| granted == value))
    }
}

/// The scope values that this server grants: its own, and those of the operator's resource servers.
pub(crate) struct Scopes(Vec<String>);

impl Scopes {
    /// With these for resource servers.
    pub(crate) fn new(resource_scopes: Vec<String>) -> Self {
        let own = OWN.into_iter().map(str::to_owned);
        Self(own.chain(resource_scopes).collect())
    }

    /// Every value, this server's own first.
    pub(crate) fn known(&self) -> &[String] {
        &self.0
    }

    /// What is granted of what was asked; values that are not known here are left out, and the token response says so.
    /// `None` without `openid`: this server only logs people in.
    pub(crate) fn grant(&self, asked: &str) -> Option<String> {
        let is_asked = |known: &&String| asked.split(' ').any(|value| value == known.as_str());
        let granted: Vec<&str> = self.0.iter().filter(is_asked).map(String::as_str).collect();
        (granted.first() == Some(&"openid")).then(|| granted.join(" "))
    }
}

/// `offline_access` grants nothing of its own: refresh tokens come with every login, for registered clients are the
/// operator's own.
const OWN: [&str; 4] = ["openid", "profile", "email", "offline_access"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_left_out_and_openid_is_needed() {
        let scopes = Scopes::new(vec!["invoices".to_owned()]);

        assert_eq!(scopes.grant("email admin openid invoices").as_deref(), Some("openid email invoices"));
        assert_eq!(scopes.grant("profile email"), None);
        assert_eq!(scopes.grant("openidx"), None);
        assert_eq!(scopes.grant("invoices"), None);
        assert_eq!(scopes.grant(""), None);
    }

    #[test]
    fn a_scope_covers_its_parts_only() {
        let scope = Scope::granted("openid email");

        assert!(scope.covers("email") && scope.covers("email openid"));
        assert!(!scope.covers("profile") && !scope.covers("email profile"));
        assert!(scope.includes(Claims::Email) && !scope.includes(Claims::Profile));
    }
}

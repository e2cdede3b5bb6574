//! Whether a text is for this user in particular: a direct message, or their name as a word in a text to several. Pure.

use crate::{
    actors::events::ReceivedTexts,
    proto::texts::Text,
    settings::Bell,
    wire::{destination::Destination, identity::PeerId},
};

use super::terminal::Alert;

/// The longest name in a title, in characters.
const TITLE_NAME_CHARS: usize = 40;

/// Whether the text is for `own` in particular.
pub fn is_addressed(own: &PeerId, received: &ReceivedTexts, text: Text<'_>) -> bool {
    matches!(received.to(text), Destination::Peer(_)) || names(text.payload, own.name())
}

/// How the user is told of texts that arrived together; none if no one of them is for them, or they do not want it.
pub fn alert(bell: Bell, own: &PeerId, received: &ReceivedTexts) -> Option<Alert> {
    let is_wanted = bell != Bell::Off;
    let mut texts = received.texts.iter();
    let is_for_us = is_wanted && texts.any(|text| is_addressed(own, received, text));
    is_for_us.then(|| Alert {
        bell: matches!(bell, Bell::Bell | Bell::Both),
        title: matches!(bell, Bell::Title | Bell::Both).then(|| title(&received.from)),
    })
}

fn title(from: &PeerId) -> String {
    let name: String = from.to_string().chars().take(TITLE_NAME_CHARS).collect();
    format!("* {name} - papo")
}

/// Whether the name stands in the text as a word: not as a part of a longer one, in capitals or not.
pub fn names(text: &str, name: &str) -> bool {
    let (text, name) = (text.to_lowercase(), name.to_lowercase());
    let is_part = |sign: Option<char>| sign.is_some_and(|it| it.is_alphanumeric() || it == '_');
    let mut found = text.match_indices(&name);
    !name.is_empty()
        && found.any(|(at, _)| {
            let (before, behind) = (&text[..at], &text[at + name.len()..]);
            !is_part(before.chars().next_back()) && !is_part(behind.chars().next())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(to: &str, payload: &'static str) -> ReceivedTexts {
        let to = Destination::parse(to).unwrap();
        let audience = (!matches!(to, Destination::Peer(_))).then_some(&to);
        let text = Text {
            audience,
            msg_id: "1",
            payload,
        };
        ReceivedTexts {
            from: PeerId::parse("bob@X").unwrap(),
            address: "127.0.0.1:1".parse().unwrap(),
            to_us: Destination::parse("alice@X").unwrap(),
            texts: [text].into_iter().collect(),
        }
    }

    fn told(bell: Bell, to: &str, text: &'static str) -> Option<Alert> {
        let own = PeerId::parse("alice@X").unwrap();
        alert(bell, &own, &received(to, text))
    }

    #[test]
    fn a_name_counts_as_a_word_only() {
        let check = |text: &str, expected| assert_eq!(names(text, "alice"), expected, "{text}");
        check("alice: lunch?", true);
        check("ask Alice", true);
        check("(ALICE)", true);
        check("@alice", true);
        check("alices malice", false);
        check("alice2, alice_b", false);
        check("malice, alice", true);
        check("", false);
        assert!(names("olá joão!", "joão"));
        assert!(!names("anything", ""));
        assert!(names("bob-2 is here", "bob-2"));
        assert!(names("İalice alice", "alice"), "letters that change length");
    }

    #[test]
    fn direct_texts_and_texts_that_name_the_user_are_told_as_wanted() {
        assert!(told(Bell::Bell, "alice@X", "hi").unwrap().bell);
        assert!(told(Bell::Bell, "*", "hi alice").unwrap().bell);
        assert_eq!(told(Bell::Bell, "*", "hi all"), None);
        assert_eq!(told(Bell::Off, "alice@X", "hi"), None);
        let title = Some("* bob@X - papo".to_owned());
        let bell = false;
        assert_eq!(
            told(Bell::Title, "#X", "alice?"),
            Some(Alert { bell, title })
        );
        let both = told(Bell::Both, "alice@X", "hi").unwrap();
        assert!(both.bell && both.title.is_some());
    }
}

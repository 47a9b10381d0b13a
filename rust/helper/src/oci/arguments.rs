//! Flags as Go programs take them: `--name value`, `--name=value`, `-n value`, up to the first word that is no flag.

/// One flag of a command.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    name: &'static str,
    short: Option<char>,
    takes_value: bool,
    refused: bool,
}

impl Flag {
    /// A flag with a value.
    pub const fn text(name: &'static str) -> Self {
        Self { name, short: None, takes_value: true, refused: false }
    }

    /// A flag that is there or not.
    pub const fn switch(name: &'static str) -> Self {
        Self { name, short: None, takes_value: false, refused: false }
    }

    /// The same flag, with a letter.
    pub const fn short(mut self, letter: char) -> Self {
        self.short = Some(letter);
        self
    }

    /// A flag that engines may give and that this runtime cannot honour: an error, unless it switches off.
    pub const fn refused(mut self) -> Self {
        self.refused = true;
        self
    }
}

/// The flags that were given, in order.
#[derive(Debug, Default)]
pub struct Parsed(Vec<(&'static str, String)>);

impl Parsed {
    /// The last value of a flag.
    pub fn last(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(given, _)| *given == name).map(|(_, value)| value.as_str())
    }

    /// Every value of a flag.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(given, _)| *given == name).map(|(_, value)| value.as_str())
    }

    /// Whether a switch is on.
    pub fn has(&self, name: &str) -> bool {
        self.last(name).is_some_and(|value| value != "false")
    }
}

/// Take the flags from the front of `words`; returns what follows them.
pub fn parse<'a>(flags: &[Flag], words: &'a [String]) -> Result<(Parsed, &'a [String]), String> {
    let mut parsed = Parsed::default();
    let mut rest = words;
    while let Some((word, after)) = rest.split_first() {
        let Some(text) = word.strip_prefix('-').filter(|text| !text.is_empty()) else { break };
        rest = after;
        if text == "-" {
            break;
        }
        let text = text.strip_prefix('-').unwrap_or(text);
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        let flag = find(flags, name).ok_or_else(|| format!("flag provided but not defined: -{name}"))?;
        let value = match (value, flag.takes_value) {
            (Some(value), _) => value,
            (None, false) => "true".into(),
            (None, true) => {
                let (value, after) = rest.split_first().ok_or_else(|| format!("flag needs an argument: -{name}"))?;
                rest = after;
                value.clone()
            }
        };
        if flag.refused && value != "false" {
            return Err(format!("--{} is not supported", flag.name));
        }
        parsed.0.push((flag.name, value));
    }
    Ok((parsed, rest))
}

fn find<'a>(flags: &'a [Flag], name: &str) -> Option<&'a Flag> {
    let mut letters = name.chars();
    let letter = letters.next().filter(|_| letters.next().is_none());
    flags.iter().find(|flag| flag.name == name || letter.is_some() && flag.short == letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAGS: &[Flag] =
        &[Flag::text("bundle").short('b'), Flag::switch("detach").short('d'), Flag::text("env").short('e')];

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn takes_every_spelling_up_to_the_first_word() {
        let words = words("-b /x --detach -e A=1 --env=B=2 id -d");
        let (parsed, rest) = parse(FLAGS, &words).expect("valid");
        assert_eq!((parsed.last("bundle"), parsed.has("detach")), (Some("/x"), true));
        assert_eq!(parsed.all("env").collect::<Vec<_>>(), ["A=1", "B=2"]);
        assert_eq!(rest, ["id", "-d"]);
    }

    #[test]
    fn two_dashes_end_the_flags_and_unknown_ones_are_errors() {
        assert_eq!(parse(FLAGS, &words("-d -- -b")).expect("valid").1, ["-b"]);
        assert_eq!(parse(FLAGS, &words("--frob")).expect_err("unknown"), "flag provided but not defined: -frob");
        assert_eq!(parse(FLAGS, &words("-b")).expect_err("no value"), "flag needs an argument: -b");
        assert!(!parse(FLAGS, &words("--detach=false")).expect("valid").0.has("detach"));
    }

    #[test]
    fn a_refused_flag_may_only_switch_off() {
        let flags = [Flag::switch("no-pivot").refused(), Flag::text("cgroup").refused()];
        assert_eq!(parse(&flags, &words("--no-pivot")).expect_err("refused"), "--no-pivot is not supported");
        assert_eq!(parse(&flags, &words("--cgroup x")).expect_err("refused"), "--cgroup is not supported");
        assert!(!parse(&flags, &words("--no-pivot=false")).expect("valid").0.has("no-pivot"));
    }
}

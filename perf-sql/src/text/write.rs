//! The normalised text as it grows: spaces, and lists that are folded.

/// The most bytes of a normalised text. What comes after them is cut.
const MOST_BYTES: usize = 4_096;
/// Brackets inside brackets, of which lists are folded.
const MOST_LEVELS: usize = 64;
/// Stands for a literal or a parameter.
const HIDDEN: char = '?';
/// Stands for what is left out.
const CUT: &str = "…";

/// The token that was written last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    Start,
    Word,
    Literal,
    Open,
    Close,
    Comma,
    Semicolon,
    Dot,
    Cast,
    Operator,
}

/// A bracket that is open, or the statement itself.
#[derive(Clone, Copy, Debug, Default)]
struct Level {
    /// The place of the bracket.
    open: usize,
    /// The place of the element that is being written.
    element: usize,
}

#[derive(Debug)]
pub(super) struct Writer<'a> {
    text: &'a mut String,
    last: Last,
    /// Whether white space or a comment came since the last token.
    pub(super) has_gap: bool,
    levels: [Level; MOST_LEVELS],
    /// Brackets that are open, with those beyond the levels.
    depth: usize,
    is_silent: bool,
    is_over: bool,
}

impl<'a> Writer<'a> {
    pub(super) fn new(text: &'a mut String) -> Self {
        text.clear();
        let levels = [Level::default(); MOST_LEVELS];
        Self { text, last: Last::Start, has_gap: false, levels, depth: 0, is_silent: false, is_over: false }
    }

    pub(super) fn last(&self) -> Last {
        self.last
    }

    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// Whether nothing more is taken.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Leaves out what follows, up to the end of this statement.
    pub(super) fn be_silent(&mut self) {
        if !self.is_silent {
            self.put(Last::Word, CUT, self.last != Last::Start);
            self.is_silent = true;
        }
    }

    /// Leaves out all that follows.
    pub(super) fn cut(&mut self) {
        if !self.is_over && !self.is_silent {
            self.put(Last::Word, CUT, self.last != Last::Start);
        }
        self.is_over = true;
    }

    /// An identifier or a keyword.
    pub(super) fn word(&mut self, word: &str) {
        self.quoted_word("", word, "");
    }

    /// An identifier between its quotes.
    pub(super) fn quoted_word(&mut self, open: &str, word: &str, close: &str) {
        let has_space = !matches!(self.last, Last::Start | Last::Open | Last::Dot | Last::Cast);
        self.put(Last::Word, open, has_space);
        self.put(Last::Word, word, false);
        self.put(Last::Word, close, false);
    }

    pub(super) fn operator(&mut self, operator: &str) {
        self.put(Last::Operator, operator, !matches!(self.last, Last::Start | Last::Open));
    }

    /// A literal or a parameter. Those that follow each other, with a comma or without, are one.
    pub(super) fn literal(&mut self) {
        if self.is_silent || self.is_over || self.last == Last::Literal {
            return self.pass();
        }
        if self.last == Last::Comma && self.text.ends_with("?,") {
            self.text.pop();
            self.last = Last::Literal;
            let place = self.text.len().saturating_sub(1);
            if let Some(level) = self.level() {
                level.element = place;
            }
            return self.pass();
        }
        let has_space = !matches!(self.last, Last::Start | Last::Open | Last::Dot | Last::Cast);
        self.put(Last::Literal, "?", has_space);
    }

    pub(super) fn comma(&mut self) {
        self.end_element();
        self.put(Last::Comma, ",", false);
        // The element begins behind the space.
        self.begin_element(1);
    }

    pub(super) fn semicolon(&mut self) {
        self.end_element();
        if self.is_silent {
            self.is_silent = false;
            self.last = Last::Word;
        }
        self.depth = 0;
        self.put(Last::Semicolon, ";", false);
        self.begin_element(1);
    }

    pub(super) fn dot(&mut self) {
        self.put(Last::Dot, ".", false);
    }

    pub(super) fn cast(&mut self) {
        self.put(Last::Cast, "::", false);
    }

    pub(super) fn open(&mut self, bracket: &str) {
        let has_space = match self.last {
            Last::Word | Last::Close | Last::Literal => self.has_gap,
            Last::Start | Last::Open | Last::Dot | Last::Cast => false,
            Last::Comma | Last::Semicolon | Last::Operator => true,
        };
        self.put(Last::Open, bracket, has_space);
        let (open, element) = (self.text.len().saturating_sub(bracket.len()), self.text.len());
        self.depth += 1;
        if let Some(level) = self.level() {
            *level = Level { open, element };
        }
    }

    pub(super) fn close(&mut self, bracket: &str) {
        self.end_element();
        self.put(Last::Close, bracket, false);
        let group = self.level().map(|level| level.open);
        self.depth = self.depth.saturating_sub(1);
        if let Some(group) = group.filter(|_| !self.is_silent && !self.is_over) {
            self.fold(group);
        }
    }

    /// Ends the text.
    pub(super) fn finish(&mut self) {
        self.end_element();
    }

    fn level(&mut self) -> Option<&mut Level> {
        self.levels.get_mut(self.depth)
    }

    fn begin_element(&mut self, space: usize) {
        let element = self.text.len() + space;
        if let Some(level) = self.level() {
            level.element = element;
        }
    }

    fn end_element(&mut self) {
        let is_written = !self.is_silent && !self.is_over && self.last != Last::Comma;
        if let Some(element) = self.level().map(|level| level.element).filter(|_| is_written) {
            self.fold(element);
        }
    }

    /// Takes out what stands from a place on, where it has a literal and is the same as what stands before the comma.
    fn fold(&mut self, from: usize) {
        let Some((before, element)) = self.text.split_at_checked(from) else { return };
        let Some(before) = before.strip_suffix(", ") else { return };
        let Some(front) = before.strip_suffix(element) else { return };
        let is_whole = front.is_empty() || front.ends_with([' ', '(', '[']);
        if element.contains(HIDDEN) && is_whole {
            let (end, start) = (before.len(), front.len());
            self.text.truncate(end);
            if let Some(level) = self.level() {
                level.element = start;
            }
        }
    }

    fn put(&mut self, token: Last, text: &str, has_space: bool) {
        self.pass();
        if self.is_silent || self.is_over {
            return;
        }
        if self.text.len() + text.len() > MOST_BYTES {
            self.is_over = true;
            self.text.push_str(CUT);
            return;
        }
        if has_space {
            self.text.push(' ');
        }
        self.text.push_str(text);
        self.last = token;
    }

    fn pass(&mut self) {
        self.has_gap = false;
    }
}

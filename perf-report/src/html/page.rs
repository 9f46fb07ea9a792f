//! The text of a page: the one place where foreign texts are escaped.

use crate::words;

/// The most characters of a foreign text.
const MOST: usize = 300;

/// The only style that a page may have.
pub(super) const STYLE: &str = include_str!("style.css");
/// The SHA-256 of `STYLE` in base64, as the content security policy names it. A test holds the two together.
pub(super) const STYLE_HASH: &str = "cc/n38axPNrulVVEN4Ez8+fYGR1Nntuhmt6y57sL1Vs=";

/// A page that is being written. Texts of our own are `'static`; everything else goes through [`text`](Self::text).
#[derive(Debug, Default)]
pub(super) struct Page {
    html: String,
}

impl Page {
    /// Begins a document of this title, up to its header.
    pub(super) fn begin(&mut self, title: &str) -> &mut Self {
        self.raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        self.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-");
        self.raw(STYLE_HASH).raw("'\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        self.raw("<meta name=\"color-scheme\" content=\"light dark\">\n<title>").text(title).raw("</title>\n<style>");
        self.raw(STYLE).raw("</style>\n</head>\n<body>\n<header>\n")
    }

    /// Adds markup of our own.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.html.push_str(markup);
        self
    }

    /// Adds any text: on one line, cut, and escaped for content and for attributes in double quotes.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for one in words::line(text, MOST).chars() {
            match one {
                '&' => self.html.push_str("&amp;"),
                '<' => self.html.push_str("&lt;"),
                '>' => self.html.push_str("&gt;"),
                '"' => self.html.push_str("&quot;"),
                '\'' => self.html.push_str("&#39;"),
                one => self.html.push(one),
            }
        }
        self
    }

    /// Adds the name of a series, or a text that has some, as [`text`](Self::text) does: a line of a table may end between their labels and not only within a word.
    pub(super) fn name(&mut self, text: &str) -> &mut Self {
        for (place, part) in words::line(text, MOST).split_inclusive(['{', ',', '/']).enumerate() {
            if place > 0 {
                self.raw("<wbr>");
            }
            self.text(part);
        }
        self
    }

    /// Adds a number, without more digits than a picture has dots.
    pub(super) fn number(&mut self, number: f64) -> &mut Self {
        let text = format!("{number:.1}");
        self.html.push_str(text.strip_suffix(".0").unwrap_or(&text));
        self
    }

    /// Adds an element with a text in it; `tag` is `td` or `td class="n"`.
    pub(super) fn element(&mut self, tag: &'static str, text: &str) -> &mut Self {
        let name = tag.split(' ').next().unwrap_or_default();
        self.raw("<").raw(tag).raw(">").text(text).raw("</").raw(name).raw(">")
    }

    /// Adds what another page holds.
    pub(super) fn append(&mut self, other: &Self) -> &mut Self {
        self.html.push_str(&other.html);
        self
    }

    /// Begins a table: columns whose titles begin with `#` hold numbers.
    pub(super) fn table(&mut self, columns: &[&'static str]) -> &mut Self {
        self.raw("<div class=\"wide\" tabindex=\"0\"><table>\n<thead><tr>");
        for column in columns {
            match column.strip_prefix('#') {
                Some(title) => self.raw("<th scope=\"col\" class=\"n\">").raw(title),
                None => self.raw("<th scope=\"col\">").raw(column),
            };
            self.raw("</th>");
        }
        self.raw("</tr></thead>\n<tbody>\n")
    }

    pub(super) fn end_table(&mut self) -> &mut Self {
        self.raw("</tbody>\n</table></div>\n")
    }

    /// Begins a section with a title.
    pub(super) fn section(&mut self, title: &'static str) -> &mut Self {
        self.raw("<section>\n<h2>").raw(title).raw("</h2>\n")
    }

    pub(super) fn end_section(&mut self) -> &mut Self {
        self.raw("</section>\n")
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.html.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_texts_stay_texts() {
        let mut page = Page::default();
        page.element("td class=\"n\"", "<script>'\"&\u{0}").number(1.25).number(3.0);
        assert_eq!(
            page.html,
            "<td class=\"n\">&lt;script&gt;&#39;&quot;&amp;\u{fffd}</td>1.23".replace("1.23", "1.2") + "3"
        );
        let mut page = Page::default();
        page.text(&"x".repeat(10_000));
        assert_eq!(page.html.chars().count(), MOST);
        let mut page = Page::default();
        page.name("a{b=<i>,c=/}");
        assert_eq!(page.html, "a{<wbr>b=&lt;i&gt;,<wbr>c=/<wbr>}");
        let mut page = Page::default();
        page.name(&"{".repeat(10_000));
        assert_eq!(page.html.replace("<wbr>", "").chars().count(), MOST);
    }
}

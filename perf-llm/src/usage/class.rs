use super::{MAX_COUNT, UsageError};
use std::fmt;

/// Declares the classes, with their names and their wholes, once.
macro_rules! classes {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal $(in $($whole:ident),+)?;)*) => {
        /// A class of tokens, or of tool calls, that providers count apart.
        ///
        /// Classes are subsets of each other: cached tokens are part of [`Class::Input`], reasoning is part of
        /// [`Class::Output`]. So [`Class::Input`] and [`Class::Output`] are the totals.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Class {
            $($(#[doc = $doc])* $name,)*
        }

        impl Class {
            /// All classes.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name, as `genai-prices` and OpenTelemetry's token types spell it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The classes that this one is a part of.
            pub const fn wholes(self) -> &'static [Self] {
                match self { $(Self::$name => &[$($(Self::$whole),+)?],)* }
            }
        }

        const COUNT: usize = [$(Class::$name),*].len();
    };
}

classes! {
    /// All tokens of the prompt, those read from or written to a cache included.
    Input = "input_tokens";
    /// Prompt tokens read from a cache.
    CacheRead = "cache_read_tokens" in Input;
    /// Prompt tokens written to a cache, of any lifetime.
    CacheWrite = "cache_write_tokens" in Input;
    /// Prompt tokens written to a cache for five minutes.
    CacheWrite5m = "cache_write_5m_tokens" in Input, CacheWrite;
    /// Prompt tokens written to a cache for an hour.
    CacheWrite1h = "cache_write_1h_tokens" in Input, CacheWrite;
    /// Prompt tokens of audio.
    InputAudio = "input_audio_tokens" in Input;
    /// Prompt tokens of images and documents.
    InputImage = "input_image_tokens" in Input;
    /// Prompt tokens of video.
    InputVideo = "input_video_tokens" in Input;
    /// Prompt tokens that the provider's own tools added.
    InputTool = "input_tool_tokens" in Input;
    /// Audio tokens read from a cache.
    CacheReadAudio = "cache_audio_read_tokens" in Input, CacheRead, InputAudio;
    /// Image tokens read from a cache.
    CacheReadImage = "cache_image_read_tokens" in Input, CacheRead, InputImage;
    /// Video tokens read from a cache.
    CacheReadVideo = "cache_video_read_tokens" in Input, CacheRead, InputVideo;
    /// All generated tokens, reasoning included.
    Output = "output_tokens";
    /// Generated tokens that the model thought with.
    Reasoning = "output_reasoning_tokens" in Output;
    /// Generated tokens of audio.
    OutputAudio = "output_audio_tokens" in Output;
    /// Generated tokens of images.
    OutputImage = "output_image_tokens" in Output;
    /// Generated tokens of video.
    OutputVideo = "output_video_tokens" in Output;
    /// Generated tokens of citations.
    Citation = "output_citation_tokens" in Output;
    /// Searches of the web that the provider ran.
    WebSearches = "web_searches";
    /// Searches of files or stores that the provider ran.
    StorageSearches = "storage_searches";
    /// Searches of social networks that the provider ran.
    SocialSearches = "social_searches";
    /// Runs of code by the provider.
    CodeExecutions = "code_executions";
}

impl Class {
    /// Whether this counts tool calls and not tokens.
    pub const fn is_tool(self) -> bool {
        matches!(self, Self::WebSearches | Self::StorageSearches | Self::SocialSearches | Self::CodeExecutions)
    }

    /// The class of a name; `None` for one that is not known here.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|class| class.name() == name)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The counts of one call by [`Class`]; a count that nobody told is `None`.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    counts: [Option<u64>; COUNT],
}

impl Usage {
    /// Usage of which nothing is known.
    pub const UNKNOWN: Self = Self { counts: [None; COUNT] };

    /// The usage of a plain call: all prompt tokens, and all generated ones.
    pub fn of(input: u64, output: u64) -> Self {
        Self::UNKNOWN.with(Class::Input, input).with(Class::Output, output)
    }

    /// This usage with one count more, or another one.
    #[must_use]
    pub fn with(mut self, class: Class, count: u64) -> Self {
        self.set(class, Some(count));
        self
    }

    /// The count of a class; `None` where it is unknown.
    pub fn get(&self, class: Class) -> Option<u64> {
        self.counts.get(class as usize).copied().flatten()
    }

    /// Sets the count of a class; `None` makes it unknown.
    pub fn set(&mut self, class: Class, count: Option<u64>) {
        if let Some(place) = self.counts.get_mut(class as usize) {
            *place = count;
        }
    }

    /// The known counts.
    pub fn iter(&self) -> impl Iterator<Item = (Class, u64)> + '_ {
        Class::ALL.iter().filter_map(|class| Some((*class, self.get(*class)?)))
    }

    /// Whether nothing is known.
    pub fn is_unknown(&self) -> bool {
        self.counts.iter().all(Option::is_none)
    }

    /// Tokens of prompt and answer together; `None` where either is unknown.
    pub fn tokens(&self) -> Option<u64> {
        self.get(Class::Input)?.checked_add(self.get(Class::Output)?)
    }

    /// The counts of `self`, with those of `later` in their place where it has them.
    ///
    /// Chunks of a stream tell running totals: the last one that names a class is right, never their sum.
    #[must_use]
    pub fn updated(mut self, later: &Self) -> Self {
        for (class, count) in later.iter() {
            self.set(class, Some(count));
        }
        self
    }

    /// Looks for counts that contradict each other.
    ///
    /// # Errors
    ///
    /// [`UsageError::TooLarge`] for a count above [`MAX_COUNT`](super::MAX_COUNT), [`UsageError::PartOverWhole`] for a class that is larger
    /// than one that it is a part of. A part whose whole is unknown is no contradiction.
    pub fn check(&self) -> Result<(), UsageError> {
        for (class, count) in self.iter() {
            if count > MAX_COUNT {
                return Err(UsageError::TooLarge { field: class.name().into(), value: count.to_string() });
            }
            for whole in class.wholes() {
                let Some(limit) = self.get(*whole).filter(|limit| count > *limit) else { continue };
                let (part, whole) = (class.name(), whole.name());
                return Err(UsageError::PartOverWhole { part, value: count, whole, limit });
            }
        }
        let cached = self.sum(&[Class::CacheRead, Class::CacheWrite]);
        if let Some(limit) = self.get(Class::Input).filter(|limit| cached > *limit) {
            let part = "cache_read_tokens + cache_write_tokens";
            return Err(UsageError::PartOverWhole { part, value: cached, whole: Class::Input.name(), limit });
        }
        Ok(())
    }

    /// The sum of what is known of some classes.
    pub(crate) fn sum(&self, classes: &[Class]) -> u64 {
        classes.iter().filter_map(|class| self.get(*class)).fold(0, u64::saturating_add)
    }
}

impl fmt::Debug for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(class, count)| (class.name(), count))).finish()
    }
}

impl FromIterator<(Class, u64)> for Usage {
    fn from_iter<I: IntoIterator<Item = (Class, u64)>>(counts: I) -> Self {
        counts.into_iter().fold(Self::UNKNOWN, |usage, (class, count)| usage.with(class, count))
    }
}

//! The settings of one source, and the rules that several of them begin with.

use super::settings::Settings;
use super::value::Table;
use crate::error::ConfigError;
use crate::judge::rule::preset::presets;
use crate::judge::rule::set::RuleSet;

/// The settings of one source, not applied yet.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) source: String,
    pub(super) table: Table,
}

/// The rules that the layers begin with: those of the last named presets, or else those of the code; and those that parts
/// bring.
pub(super) fn effective_rules(layers: &[Layer], code: &Settings) -> Result<RuleSet, ConfigError> {
    let mut rules = named_presets(layers)?.unwrap_or_else(|| code.rules.clone());
    rules.add_missing(&code.part_rules);
    Ok(rules)
}

/// The rules of the last named presets.
pub(super) fn named_presets(layers: &[Layer]) -> Result<Option<RuleSet>, ConfigError> {
    let last = layers.iter().rev().find_map(|layer| Some((layer, layer.table.get("presets")?)));
    let Some((layer, named)) = last else { return Ok(None) };
    let mut rules = RuleSet::new();
    for name in named.texts("presets").map_err(|error| error.found_in(&layer.source))? {
        let found = presets::BY_NAME.iter().find(|(known, _)| *known == name);
        let Some((_, preset)) = found else {
            let known = presets::BY_NAME.map(|(known, _)| known);
            return Err(ConfigError::unknown("presets", &name, known).found_in(&layer.source));
        };
        rules.extend(preset());
    }
    Ok(Some(rules))
}

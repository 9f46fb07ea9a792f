//! The settings of one source, and the rules that several of them begin with.

use super::settings::Settings;
use super::value::Table;
use crate::error::ConfigError;
use crate::judge::rule::definition::Rule;
use crate::judge::rule::preset::presets;
use crate::judge::rule::set::RuleSet;
use crate::log_level::tell;

/// The settings of one source, not applied yet.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) source: String,
    pub(super) table: Table,
}

/// The rules that the layers begin with: those of the last named presets, or else those of the code's presets; and those
/// that [stay](staying) whatever presets are named.
pub(super) fn effective_rules(layers: &[Layer], code: &Settings) -> Result<RuleSet, ConfigError> {
    let mut rules = match named_presets(layers)? {
        Some(mut named) => {
            named.extend(of_code_alone(&code.rules).cloned().collect());
            named
        }
        None => code.rules.clone(),
    };
    rules.add_missing(&code.part_rules);
    Ok(rules)
}

/// The rules that stay whatever presets are named outside: those that the code made or changed itself, and those of parts.
pub(super) fn staying(code: &Settings) -> RuleSet {
    let mut staying: RuleSet = of_code_alone(&code.rules).cloned().collect();
    staying.add_missing(&code.part_rules);
    staying
}

/// The rules that are not as some preset has them: somebody wrote them.
fn of_code_alone(rules: &RuleSet) -> impl Iterator<Item = &Rule> {
    let ready_made: Vec<RuleSet> = presets::BY_NAME.iter().map(|(_, preset)| preset()).collect();
    let is_own = move |rule: &&Rule| ready_made.iter().all(|preset| preset.get(rule.id()) != Some(*rule));
    rules.iter().filter(is_own)
}

/// Says which rules of the code the named presets leave out, so that nobody misses them in silence.
pub(super) fn tell_of_presets(layers: &[Layer], code: &Settings, rules: &RuleSet) {
    let Some(layer) = layers.iter().rev().find(|layer| layer.table.contains_key("presets")) else { return };
    let left_out: Vec<&str> = code.rules.ids().filter(|id| rules.get(id).is_none()).collect();
    if !left_out.is_empty() {
        let (source, left_out) = (&layer.source, left_out.join(", "));
        tell!(INFO, source, left_out, "the presets that are named there take the place of the code's");
    }
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

//! Which plugins a graph was made with, beside those that come with Weft: its field
//! `plugins: {"org.example.film": (version: "0.1.0", sha256: "…")}`. It says what to get; nothing is opened because of it.

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;

use super::Graph;
use super::scan::{Block, Piece, unquote};
use super::write::{Pieces, quote};
use crate::plugins::{Catalog, PluginInfo, short};

const FIELD: &str = "plugins";

/// What a graph says of a plugin. What is not there is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Named {
    pub version: String,
    pub sha256: String,
}

impl Named {
    /// `0.1.0 (SHA-256 0123…)`, with all digits or the first of them.
    pub fn describe(&self, all: bool) -> String {
        let sha256 = if all { self.sha256.clone() } else { format!("{}…", short(&self.sha256)) };
        format!("{} (SHA-256 {sha256})", self.version)
    }

    fn of(plugin: &PluginInfo, sha256: &str) -> Self {
        Self { version: plugin.version.clone(), sha256: sha256.to_owned() }
    }
}

impl Graph {
    /// The plugins that the graph names and that its nodes are of, by id. What cannot be read is left out.
    pub fn named_plugins(&self) -> BTreeMap<String, Named> {
        let Some(block) = self.other.get(FIELD).and_then(|field| Block::read(field, b'{')) else {
            return BTreeMap::new();
        };
        let used = self.used_plugins();
        let entry = |piece: Piece| Some((unquote(&piece.key)?, ron::from_str(&piece.value).ok()?));
        block
            .pieces
            .into_iter()
            .filter_map(entry)
            .filter(|(id, _): &(String, Named)| used.contains(id.as_str()))
            .collect()
    }

    /// Where the loaded plugins are not those that the graph was made with, as sentences.
    pub fn other_plugins(&self, catalog: &Catalog) -> Vec<String> {
        let differs = |(id, named): (String, Named)| {
            let plugin = catalog.plugin(&id)?;
            let loaded = Named::of(plugin, plugin.sha256.as_deref().unwrap_or(&named.sha256));
            (loaded != named).then(|| {
                let (was, is) = (named.describe(false), loaded.describe(false));
                format!("the graph was made with the plugin {id} {was}, and {is} is loaded: results may differ")
            })
        };
        self.named_plugins().into_iter().filter_map(differs).collect()
    }

    /// Names the loaded plugins that the graph's nodes are of, as they are now. Those that are not loaded stay named as
    /// they are; those that no node is of go.
    pub fn name_plugins(&mut self, catalog: &Catalog) {
        let field = self.other.get(FIELD);
        let Some(mut block) = field.map_or_else(|| Some(Block::default()), |field| Block::read(field, b'{')) else {
            // What a later version keeps there is none of ours.
            return;
        };
        let before = block.pieces.clone();
        let used = self.used_plugins();
        block.pieces.retain(|piece| unquote(&piece.key).is_none_or(|id| used.contains(id.as_str())));
        let end = self.line_end();
        let lead = block.lead().unwrap_or_else(|| format!("{end}        "));
        for plugin in catalog.plugins.iter().filter(|plugin| used.contains(plugin.id.as_str())) {
            let Some(sha256) = &plugin.sha256 else { continue };
            let named = Named::of(plugin, sha256);
            match block.pieces.iter_mut().find(|piece| unquote(&piece.key).as_ref() == Some(&plugin.id)) {
                Some(piece) if ron::from_str(&piece.value).ok().as_ref() == Some(&named) => {}
                Some(piece) => piece.value = entry(&piece.value, &named),
                None => block.pieces.push(new_piece(&lead, quote(&plugin.id), entry("", &named))),
            }
        }
        if block.pieces.is_empty() {
            self.other.shift_remove(FIELD);
        } else if block.pieces != before {
            let (open, close) =
                if block.open.is_empty() { ("{", format!("{end}    }}")) } else { (&*block.open, block.close) };
            let text = join(open, &block.after, &block.pieces, &close);
            self.other.insert(FIELD.to_owned(), text);
        }
    }

    /// The ids of the plugins that the nodes are of.
    fn used_plugins(&self) -> HashSet<&str> {
        self.nodes.values().filter_map(|node| node.kind.split_once('/')).map(|(id, _)| id).collect()
    }
}

/// An entry's text with these values; what else stands in it stays.
fn entry(text: &str, named: &Named) -> String {
    let mut block = Block::read(text, b'(').unwrap_or_default();
    for (name, value) in [("version", &named.version), ("sha256", &named.sha256)] {
        match block.pieces.iter_mut().find(|piece| piece.key == name) {
            Some(piece) => piece.value = quote(value),
            None => {
                let lead = if block.pieces.is_empty() { "" } else { " " };
                block.pieces.push(new_piece(lead, name.to_owned(), quote(value)));
            }
        }
    }
    let (open, close) = if block.open.is_empty() { ("(", ")") } else { (&*block.open, &*block.close) };
    join(open, &block.after, &block.pieces, close)
}

fn new_piece(lead: &str, key: String, value: String) -> Piece {
    let has_comma = lead.contains('\n');
    Piece { lead: lead.to_owned(), key, gap: ": ".to_owned(), value, has_comma, ..Piece::default() }
}

fn join(open: &str, after: &str, pieces: &[Piece], close: &str) -> String {
    let mut text = Pieces::new(String::new());
    text.begin(open, after);
    pieces.iter().for_each(|piece| text.put(piece, &piece.key, &piece.value));
    text.end(close)
}

#[cfg(test)]
mod tests {
    use plugin_api::NodeSpec;

    use super::*;

    const GRAPH: &str = "Graph(
    format: 1,
    nodes: {
        \"a\": (kind: \"film/Grain\", inputs: {}),
        \"b\": (kind: \"gone/Node\", inputs: {}),
        \"c\": (kind: \"own/Node\", inputs: {}),
    },
)
";

    fn plugin(id: &str, version: &str, sha256: Option<char>) -> PluginInfo {
        let sha256 = sha256.map(|digit| digit.to_string().repeat(64));
        let nodes = vec![NodeSpec::new("Grain", "", "")];
        PluginInfo { id: id.to_owned(), version: version.to_owned(), file: String::new(), sha256, nodes }
    }

    fn catalog(version: &str, digit: char) -> Catalog {
        let plugins =
            vec![plugin("film", version, Some(digit)), plugin("own", "9", None), plugin("un", "1", Some('c'))];
        Catalog { plugins, ..Catalog::default() }
    }

    fn named(text: &str, catalog: &Catalog) -> String {
        let mut graph = Graph::parse(text, "g").unwrap();
        graph.name_plugins(catalog);
        graph.to_ron()
    }

    #[test]
    fn loaded_plugins_of_others_are_named() {
        let text = named(GRAPH, &catalog("0.1.0", 'a'));
        let field = format!(
            "    plugins: {{\n        \"film\": (version: \"0.1.0\", sha256: \"{}\"),\n    }},\n)\n",
            "a".repeat(64)
        );
        assert_eq!(text, GRAPH.strip_suffix(")\n").unwrap().to_owned() + &field);
        assert_eq!(named(&text, &catalog("0.1.0", 'a')), text, "and a second time changes nothing");
        assert_eq!(named(GRAPH, &Catalog::default()), GRAPH);
    }

    #[test]
    fn what_is_not_known_stays_and_what_is_not_used_goes() {
        let field = "    plugins: { // from a friend
        \"film\": (version: \"0.0.9\", from: \"a friend\", sha256: \"old\"), // grain
        \"gone\": (version: \"3\", sha256: \"x\"),
        \"other\": (version: \"1\"),
    },
)
";
        let text = GRAPH.strip_suffix(")\n").unwrap().to_owned() + field;
        let expected = text
            .replace("\"0.0.9\"", "\"0.1.0\"")
            .replace("\"old\"", &format!("\"{}\"", "a".repeat(64)))
            .replace("        \"other\": (version: \"1\"),\n", "");
        assert_eq!(named(&text, &catalog("0.1.0", 'a')), expected);
        let later = GRAPH.strip_suffix(")\n").unwrap().to_owned() + "    plugins: [7],\n)\n";
        assert_eq!(named(&later, &catalog("0.1.0", 'a')), later);
    }

    #[test]
    fn other_versions_and_bytes_are_told() {
        let text = named(GRAPH, &catalog("0.1.0", 'a'));
        let graph = Graph::parse(&text, "g").unwrap();
        assert!(graph.other_plugins(&catalog("0.1.0", 'a')).is_empty());
        let told = graph.other_plugins(&catalog("0.2.0", 'b'));
        assert_eq!(told.len(), 1);
        assert!(told[0].contains("film 0.1.0 (SHA-256 aaaaaaaaaaaa…), and 0.2.0 (SHA-256 bbbbbbbbbbbb…)"), "{told:?}");
        assert_eq!(graph.other_plugins(&catalog("0.1.0", 'b')).len(), 1);
        assert!(graph.other_plugins(&Catalog::default()).is_empty(), "what is missing is told elsewhere");
    }
}

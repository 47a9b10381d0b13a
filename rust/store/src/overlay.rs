//! The overlay driver's tree below `G/overlay`: one directory per layer, and short symlinks to their contents in `l/`.
//!
//! Creates and takes away layer directories and says which directories a mount is made of. It knows no records; callers
//! hold `layers.lock` for every change.

use crate::error::{AtPath, Error, Result};
use crate::file;
use crate::name::{self, Id};
use crate::staging::{self, Trash};
use rustix::fs::Mode;
use rustix::io::Errno;
use std::path::{Path, PathBuf};

/// More lowers than any version of containers/storage mounts.
const MAX_LOWERS: usize = 500;
/// Mode of the content directory of a base layer.
const BASE_MODE: u32 = 0o555;

/// The tree of one store, and those of the read-only stores whose layers it may stand on.
#[derive(Debug)]
pub(crate) struct Tree {
    home: PathBuf,
    others: Vec<PathBuf>,
}

/// Where the content of a new layer comes from.
#[derive(Debug)]
pub(crate) enum Content<'a> {
    /// A new empty directory: a read-write layer.
    Empty,
    /// A staged directory, moved in.
    Staged(&'a Path),
}

impl Tree {
    /// The tree below `graphroot`, with those below `others` to look into.
    pub(crate) fn new(graphroot: &Path, others: &[PathBuf]) -> Self {
        Self { home: graphroot.join("overlay"), others: others.iter().map(|root| root.join("overlay")).collect() }
    }

    /// `G/overlay`.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    /// `G/overlay/<id>`, where layers are created and removed.
    pub(crate) fn directory(&self, id: &Id) -> PathBuf {
        self.home.join(id)
    }

    /// The directory of a layer in whichever tree has it.
    pub(crate) fn find(&self, id: &Id) -> PathBuf {
        let own = self.directory(id);
        if self.others.is_empty() || own.exists() {
            return own;
        }
        self.others.iter().map(|home| home.join(id)).find(|path| path.exists()).unwrap_or(own)
    }

    /// Does the layer's directory belong to this store, and not to a read-only one?
    pub(crate) fn owns(&self, id: &Id) -> bool {
        self.find(id).starts_with(&self.home)
    }

    /// The content of a layer, in whichever tree has it.
    pub(crate) fn diff(&self, id: &Id) -> PathBuf {
        self.find(id).join("diff")
    }

    /// Create the directory of layer `id` above `parent` with everything in it.
    pub(crate) fn create(&self, id: &Id, parent: Option<&Id>, content: &Content<'_>) -> Result<()> {
        let directory = self.directory(id);
        if directory.exists() {
            // Left by a tool that died: no record has this id, or we would not be here.
            self.remove_in_place(id)?;
        }
        let lower = parent.map(|parent| self.lower_above(parent)).transpose()?;
        make_directory(&directory, 0o700)?;
        self.link(id, &directory)?;
        make_directory(&directory.join("work"), 0o700)?;
        make_directory(&directory.join("merged"), 0o700)?;
        match &lower {
            Some(lower) => write_new(&directory.join("lower"), lower)?,
            None => make_directory(&directory.join("empty"), 0o700)?,
        }
        self.fill(id, parent, content)
    }

    /// The content comes last: a directory with a `diff` has everything else.
    fn fill(&self, id: &Id, parent: Option<&Id>, content: &Content<'_>) -> Result<()> {
        let diff = self.directory(id).join("diff");
        match content {
            Content::Empty => {
                make_directory(&diff, 0o700)?;
                self.dress(&diff, parent)
            }
            Content::Staged(staged) => {
                self.dress(staged, parent)?;
                staging::rename(staged, &diff)
            }
        }
    }

    /// Give a content directory the owner and mode that layers on this parent have.
    fn dress(&self, directory: &Path, parent: Option<&Id>) -> Result<()> {
        let mut mode = BASE_MODE;
        if let Some(parent) = parent {
            let path = self.diff(parent);
            let stat = rustix::fs::stat(&path).at("stat", &path)?;
            mode = stat.st_mode & 0o7777;
            if (stat.st_uid, stat.st_gid) != (0, 0) {
                std::os::unix::fs::chown(directory, Some(stat.st_uid), Some(stat.st_gid)).at("chown", directory)?;
            }
        }
        rustix::fs::chmod(directory, Mode::from_raw_mode(mode)).at("chmod", directory)
    }

    fn link(&self, id: &Id, directory: &Path) -> Result<()> {
        let links = self.home.join("l");
        let link = name::random_link();
        let target = format!("../{id}/diff");
        let path = links.join(&link);
        match rustix::fs::symlink(&target, &path) {
            Err(Errno::NOENT) => {
                file::create_dirs(&links)?;
                rustix::fs::symlink(&target, &path).at("create", &path)?;
            }
            answer => answer.at("create", &path)?,
        }
        write_new(&directory.join("link"), &link)
    }

    /// The `lower` text of a child of `parent`: the parent's link, then the parent's own text.
    fn lower_above(&self, parent: &Id) -> Result<String> {
        let mut lower = format!("l/{}", self.link_of(parent)?);
        if let Some(below) = self.read_text(&self.find(parent).join("lower"))? {
            lower.push(':');
            lower.push_str(&below);
        }
        if lower.split(':').count() > MAX_LOWERS {
            return Err(Error::Unsupported(format!("more than {MAX_LOWERS} layers on top of each other")));
        }
        Ok(lower)
    }

    /// Name in `l/` of a layer.
    pub(crate) fn link_of(&self, id: &Id) -> Result<String> {
        let path = self.find(id).join("link");
        let link = self.read_text(&path)?.ok_or_else(|| Error::corrupt(&path, "missing"))?;
        if is_link(&link) { Ok(link) } else { Err(Error::corrupt(&path, "not a link name")) }
    }

    fn read_text(&self, path: &Path) -> Result<Option<String>> {
        let Some(bytes) = file::read(path)? else { return Ok(None) };
        let text = String::from_utf8(bytes).map_err(|_| Error::corrupt(path, "not text"))?;
        Ok(Some(text.trim_end_matches('\n').to_owned()))
    }

    /// The layers below `id`, uppermost first, as its `lower` file tells.
    ///
    /// The record's `parent` is no substitute: id-mapped copies skip their template there.
    pub(crate) fn lower_ids(&self, id: &Id) -> Result<Vec<Id>> {
        Ok(self.lower_links(id)?.into_iter().map(|(_, id)| id).collect())
    }

    /// The same with the short links in the file.
    fn lower_links(&self, id: &Id) -> Result<Vec<(String, Id)>> {
        let path = self.find(id).join("lower");
        let Some(text) = self.read_text(&path)? else { return Ok(Vec::new()) };
        text.split(':').filter(|element| !element.is_empty()).map(|element| self.resolve(&path, element)).collect()
    }

    fn resolve(&self, lower: &Path, element: &str) -> Result<(String, Id)> {
        let link = element.strip_prefix("l/").filter(|link| is_link(link));
        let link = link.ok_or_else(|| Error::corrupt(lower, format!("`{element}` is not a short link")))?;
        let id = match self.link_target(link)? {
            Some(id) => Some(id),
            None => self.repair_link(link)?,
        };
        let id = id.ok_or_else(|| Error::corrupt(lower, format!("`{element}` leads nowhere")))?;
        Ok((link.to_owned(), id))
    }

    /// The content directories of the layers below `id`, uppermost first.
    pub(crate) fn lower_contents(&self, id: &Id) -> Result<Vec<PathBuf>> {
        let mut all = Vec::new();
        for (link, lower) in self.lower_links(id)? {
            let contents = self.contents(&lower)?;
            if contents.first().is_none_or(|path| !path.ends_with(&link)) {
                let text = format!("`l/{link}` leads to {lower}, which has another short link");
                return Err(Error::corrupt(self.find(id).join("lower"), text));
            }
            all.extend(contents);
        }
        Ok(all)
    }

    /// The id a symlink in `l/` points at; `None` where it is missing.
    pub(crate) fn link_target(&self, link: &str) -> Result<Option<Id>> {
        for home in std::iter::once(&self.home).chain(&self.others) {
            let path = home.join("l").join(link);
            match rustix::fs::readlink(&path, Vec::new()) {
                Ok(target) => {
                    let target = target.to_string_lossy();
                    let id = target.strip_prefix("../").and_then(|rest| rest.strip_suffix("/diff"));
                    let id = id.and_then(|id| Id::parse(id).ok());
                    let leads_elsewhere = || Error::corrupt(&path, format!("leads to `{target}`, which is no layer"));
                    return id.map(Some).ok_or_else(leads_elsewhere);
                }
                Err(Errno::NOENT) => {}
                Err(Errno::INVAL) => return Err(Error::corrupt(path, "not a symbolic link")),
                Err(errno) => return Err(Error::os("read", path, errno)),
            }
        }
        Ok(None)
    }

    /// Find the layer that claims `link` and give it its symlink back, as other tools do.
    fn repair_link(&self, link: &str) -> Result<Option<Id>> {
        for id in file::list(&self.home)?.iter().filter_map(|name| Id::parse(name).ok()) {
            if self.link_of(&id).is_ok_and(|claimed| claimed == link) {
                let path = self.home.join("l").join(link);
                match rustix::fs::symlink(format!("../{id}/diff"), &path) {
                    Ok(()) | Err(Errno::EXIST | Errno::ROFS) => return Ok(Some(id)),
                    Err(errno) => return Err(Error::os("create", path, errno)),
                }
            }
        }
        Ok(None)
    }

    /// Content directories of one layer by short path: `l/<link>`, then `diff1`, `diff2`… of an id-mapped copy.
    pub(crate) fn contents(&self, id: &Id) -> Result<Vec<PathBuf>> {
        let directory = self.find(id);
        if directory.join("composefs-data").exists() {
            let text = "the layer is stored as composefs, which this version does not mount";
            return Err(Error::Unsupported(format!("{}: {text}", directory.display())));
        }
        let link = self.link_of(id)?;
        match self.link_target(&link)? {
            Some(target) if target == *id => {}
            // The kernel follows the link when it mounts, so it has to lead where the records say.
            Some(target) => return Err(Error::corrupt(directory.join("link"), format!("`{link}` leads to {target}"))),
            None => drop(self.repair_link(&link)?),
        }
        let home = directory.parent().unwrap_or(&self.home);
        let mut contents = vec![home.join("l").join(link)];
        contents.extend(self.older_contents(id));
        Ok(contents)
    }

    /// `diff1`, `diff2`… of an id-mapped copy, in the order in which they are stacked below `diff`.
    pub(crate) fn older_contents(&self, id: &Id) -> Vec<PathBuf> {
        let directory = self.find(id);
        (1..).map(|number| directory.join(format!("diff{number}"))).take_while(|path| path.is_dir()).collect()
    }

    /// The directories below the upper of `id`, uppermost first. A base layer has its empty directory.
    pub(crate) fn lowers(&self, id: &Id) -> Result<Vec<PathBuf>> {
        let mut lowers = self.older_contents(id);
        lowers.extend(self.lower_contents(id)?);
        if lowers.is_empty() {
            let empty = self.directory(id).join("empty");
            file::create_dirs(&empty)?;
            lowers.push(empty);
        }
        Ok(lowers)
    }

    /// Take the directory of a layer out of the tree, its symlink first; `trash` keeps it until it is deleted.
    pub(crate) fn take_away(&self, id: &Id, trash: &Trash) -> Result<()> {
        self.unlink(id)?;
        trash.take(&self.directory(id))
    }

    /// Delete the directory of a layer and its symlink where they stand.
    pub(crate) fn remove_in_place(&self, id: &Id) -> Result<()> {
        self.unlink(id)?;
        file::remove_tree(&self.directory(id))
    }

    fn unlink(&self, id: &Id) -> Result<()> {
        if !self.owns(id) {
            return Ok(());
        }
        match self.link_of(id) {
            Ok(link) if self.link_target(&link).is_ok_and(|target| target.as_ref() == Some(id)) => {
                file::remove(&self.home.join("l").join(link))
            }
            // Without a `link` file, or with that of another layer, a symlink may still point here.
            _ => self.unlink_by_target(id),
        }
    }

    fn unlink_by_target(&self, id: &Id) -> Result<()> {
        for link in file::list(&self.home.join("l"))? {
            if self.link_target(&link).is_ok_and(|target| target.as_ref() == Some(id)) {
                file::remove(&self.home.join("l").join(link))?;
            }
        }
        Ok(())
    }
}

fn is_link(text: &str) -> bool {
    !text.is_empty() && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn make_directory(path: &Path, mode: u32) -> Result<()> {
    rustix::fs::mkdir(path, Mode::from_raw_mode(mode)).at("create", path)
}

fn write_new(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).at("write", path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;
    use std::os::unix::fs::PermissionsExt;

    fn tree(scratch: &Scratch) -> Tree {
        let tree = Tree::new(scratch.path(), &[]);
        file::create_dirs(tree.home()).expect("home");
        tree
    }

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).expect("stat").permissions().mode() & 0o7777
    }

    fn id(letter: char) -> Id {
        Id::parse(&letter.to_string().repeat(64)).expect("an id")
    }

    #[test]
    fn a_base_layer_is_read_only_and_has_no_lower() {
        let scratch = Scratch::new();
        let tree = tree(&scratch);
        tree.create(&id('a'), None, &Content::Empty).expect("create");
        assert_eq!(mode(&tree.diff(&id('a'))), 0o555);
        let names = file::list(&tree.directory(&id('a'))).expect("list");
        assert_eq!(names, ["diff", "empty", "link", "merged", "work"]);
        assert_eq!(tree.lowers(&id('a')).expect("lowers"), [tree.directory(&id('a')).join("empty")]);
    }

    #[test]
    fn a_child_copies_its_parents_attributes_and_stacks_uppermost_first() {
        let scratch = Scratch::new();
        let tree = tree(&scratch);
        tree.create(&id('a'), None, &Content::Empty).expect("a");
        rustix::fs::chmod(tree.diff(&id('a')), Mode::from_raw_mode(0o1751)).expect("chmod");
        tree.create(&id('b'), Some(&id('a')), &Content::Empty).expect("b");
        tree.create(&id('c'), Some(&id('b')), &Content::Empty).expect("c");
        assert_eq!(mode(&tree.diff(&id('c'))), 0o1751);
        let (a, b) = (tree.link_of(&id('a')).expect("link"), tree.link_of(&id('b')).expect("link"));
        let text = std::fs::read_to_string(tree.directory(&id('c')).join("lower")).expect("lower");
        assert_eq!(text, format!("l/{b}:l/{a}"));
        assert_eq!(tree.lower_ids(&id('c')).expect("ids"), [id('b'), id('a')]);
        assert_eq!(
            std::fs::canonicalize(&tree.lowers(&id('c')).expect("lowers")[0]).expect("resolves"),
            std::fs::canonicalize(tree.diff(&id('b'))).expect("diff")
        );
    }

    #[test]
    fn a_missing_symlink_is_repaired() {
        let scratch = Scratch::new();
        let tree = tree(&scratch);
        tree.create(&id('a'), None, &Content::Empty).expect("a");
        tree.create(&id('b'), Some(&id('a')), &Content::Empty).expect("b");
        let link = tree.home().join("l").join(tree.link_of(&id('a')).expect("link"));
        std::fs::remove_file(&link).expect("remove");
        assert_eq!(tree.lowers(&id('b')).expect("lowers"), std::slice::from_ref(&link));
        assert!(link.exists());
    }

    #[test]
    fn content_of_an_id_mapped_copy_comes_right_below_it() {
        let scratch = Scratch::new();
        let tree = tree(&scratch);
        tree.create(&id('a'), None, &Content::Empty).expect("a");
        tree.create(&id('b'), Some(&id('a')), &Content::Empty).expect("b");
        for number in ["diff1", "diff2"] {
            std::fs::create_dir(tree.directory(&id('a')).join(number)).expect("mkdir");
        }
        let lowers = tree.lowers(&id('b')).expect("lowers");
        assert_eq!(lowers[1..], [tree.directory(&id('a')).join("diff1"), tree.directory(&id('a')).join("diff2")]);
    }

    #[test]
    fn composefs_is_refused() {
        let scratch = Scratch::new();
        let tree = tree(&scratch);
        tree.create(&id('a'), None, &Content::Empty).expect("a");
        std::fs::create_dir(tree.directory(&id('a')).join("composefs-data")).expect("mkdir");
        assert!(matches!(tree.contents(&id('a')), Err(Error::Unsupported(_))));
    }

    #[test]
    fn a_lower_that_climbs_out_is_corrupt() {
        let scratch = Scratch::new();
        let tree = tree(&scratch);
        tree.create(&id('a'), None, &Content::Empty).expect("a");
        for text in ["l/../../etc", "/etc", "../x", "l/"] {
            std::fs::write(tree.directory(&id('a')).join("lower"), text).expect("write");
            assert!(matches!(tree.lower_ids(&id('a')), Err(Error::Corrupt { .. })), "{text}");
        }
    }

    #[test]
    fn removing_takes_the_symlink_even_without_a_link_file() {
        let scratch = Scratch::new();
        let tree = tree(&scratch);
        tree.create(&id('a'), None, &Content::Empty).expect("a");
        std::fs::remove_file(tree.directory(&id('a')).join("link")).expect("remove");
        tree.remove_in_place(&id('a')).expect("remove");
        assert_eq!(file::list(tree.home()).expect("list"), ["l"]);
        assert_eq!(file::list(&tree.home().join("l")).expect("list"), Vec::<String>::new());
    }
}

"""Languages that the published code models were trained on, as the Language Server Protocol names them."""

from typing import Final

LANGUAGES: Final[tuple[str, ...]] = (
    *("python", "javascript", "javascriptreact", "typescript", "typescriptreact", "go", "rust", "java", "c", "cpp"),
    *("csharp", "ruby", "php", "shellscript", "html", "css", "scss", "sql", "yaml", "json", "jsonc", "markdown"),
    *("toml", "lua", "kotlin", "swift", "scala", "dart", "r", "perl", "makefile", "dockerfile", "xml", "vue", "svelte"),
)

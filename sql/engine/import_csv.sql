-- A CSV file, to be imported: every value as the text that it is, so that no name turns into a number.
-- One row per row of the file, in its order: the columns that its first line names.
-- Parameter: $source, an address, or a pattern for the file.
from read_csv($source, all_varchar = true, header = true);

-- A JSON file, to be imported: a list of objects, or an object a line.
-- One row per object, in the file's order: the columns asked for, null where an object lacks one.
-- Parameters: $source, an address, or a pattern for the file; $columns, the types of the columns by their names.
from read_json($source, columns = $columns);

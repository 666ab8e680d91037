-- Copy all of a database into the one that is connected, which is in memory. Variable database_file names it.
attach getvariable('database_file') as old (read_only);
copy from database old to memory;
detach old;

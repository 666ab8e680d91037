-- What a report keeps of a table of photos. Parameters: $photos, a pattern for the Parquet file; $faces_file, the table of faces beside
-- which it is.
insert into photos
    select $faces_file, * from read_photos($photos);

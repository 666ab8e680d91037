-- What facesql loads, in this order: one file, one object. From the folder that holds sql/:
--   duckdb -init sql/load.sql
--   D set variable faces = 'faces.parquet';
-- The database of a report holds all of it already.
.read sql/metrics/euclidean/face_distance.sql
.read sql/binning.sql
.read sql/bin_of.sql
.read sql/distance_bin.sql
.read sql/bin_cutoff.sql
.read sql/person_block.sql
.read sql/read_faces.sql
.read sql/faces.sql
.read sql/with_photo.sql
.read sql/read_photos.sql
.read sql/photos.sql
.read sql/face_counts.sql
.read sql/people.sql
.read sql/invalid_faces.sql
.read sql/tiled_faces.sql
.read sql/slow_binned_counts.sql
.read sql/binned_counts.sql
.read sql/bin_totals.sql
.read sql/cutoff_rates.sql
.read sql/face_pairs.sql
.read sql/people_near.sql
.read sql/precision_at_share.sql

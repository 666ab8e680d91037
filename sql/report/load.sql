-- What the database of a report has beside sql/load.sql, in this order: one file, one object. analyze fills the tables, and
-- stores the faces and the photos in tables instead of views.
.read sql/report/block_pair_counts.sql
.read sql/report/binned_counts.sql
.read sql/report/precision_recall.sql
.read sql/report/summary.sql
.read sql/report/rate_intervals.sql
.read sql/report/sampling_intervals.sql
.read sql/report/operating_points.sql
.read sql/report/optimism.sql
.read sql/report/group_rates.sql
.read sql/report/group_pairs.sql
.read sql/report/calibration.sql
.read sql/report/same_person_share.sql
.read sql/report/same_person_interval.sql
.read sql/report/growth.sql
.read sql/report/encode_settings.sql
.read sql/report/photos.sql
.read sql/report/pairs.sql
.read sql/report/suspects.sql

-- What the database of a report has beside sql/load.sql, in this order: one file, one object. analyze fills the tables, and
-- stores the faces in a table instead of the view.
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

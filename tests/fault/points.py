"""The named fail points of the server that the programme goes through, and how each is reached.

`phase` says when the server dies at it: under `load`, at a `start` after a kill, at the `first` start of a data
directory, or at a clean `stop`. `most` bounds how often it is passed before it strikes. `after` is a point at which the
server has to die first, so that the start finds something to do; `heavy` asks for more rows than memory holds.
"""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Point:
    name: str
    phase: str = "load"
    most: int = 1
    after: str = ""
    heavy: bool = False


POINTS = (
    # A record: its bytes, its sync, its answer.
    Point("storage.segment.write.before", most=300),
    Point("storage.segment.write.half", most=300),
    Point("storage.segment.write.after", most=300),
    Point("storage.segment.sync.before", most=300),
    Point("storage.segment.sync.after", most=300),
    Point("tables.write.applied", most=300),
    Point("rest.write.done", most=200),
    # Segments that are made, named, recycled, removed.
    Point("storage.spare.create.after", most=3),
    Point("storage.spare.write.half", most=10),
    Point("storage.spare.sync.before", most=8),
    Point("storage.spare.sync.after", most=8),
    Point("storage.spare.rename.before", most=4),
    Point("storage.spare.rename.after", most=4),
    Point("storage.stream.sync.before", most=5),
    Point("storage.stream.sync.after", most=5),
    Point("storage.segment.rename.before", most=2),
    Point("storage.segment.rename.after", most=2),
    Point("tables.release.decided", most=3),
    Point("tables.release.segments_released", most=3),
    Point("tables.release.streams_removed", most=3),
    # A flush, and a batch that goes to a file at once.
    Point("tables.flush.frozen", most=3),
    Point("storage.temporary.create.after", most=6),
    Point("storage.temporary.write.half", most=10),
    Point("storage.temporary.sync.before", most=6),
    Point("storage.temporary.sync.after", most=6),
    Point("storage.temporary.rename.before", most=6),
    Point("storage.temporary.rename.after", most=6),
    Point("storage.data_directory.create_directory.after", most=3),
    Point("storage.data_directory.sync.before", most=10),
    Point("storage.data_directory.sync.after", most=10),
    Point("tables.flush.written", most=3),
    Point("tables.flush.committed", most=3),
    Point("tables.flush.published", most=3),
    # A remainder that is written to the journal's head once more.
    Point("tables.restate.appended"),
    Point("tables.restate.durable"),
    Point("tables.restate.committed"),
    Point("tables.direct_write.reserved", most=3),
    Point("tables.direct_write.written", most=3),
    Point("tables.direct_write.committed", most=3),
    Point("tables.direct_write.published", most=3),
    # The catalog's commits, and sources that come and go.
    Point("storage.catalog_log.write.before", most=60),
    Point("storage.catalog_log.write.half", most=60),
    Point("storage.catalog_log.write.after", most=60),
    Point("storage.catalog_log.sync.before", most=12),
    Point("storage.catalog_log.sync.after", most=12),
    Point("tables.add_source.committed", most=4),
    Point("tables.remove_source.committed", most=2),
    # The first start: the catalog's migrations.
    Point("catalog.migration.applied", "first"),
    Point("catalog.migration.committed", "first"),
    Point("storage.catalog.write.half", "first"),
    Point("storage.catalog.sync.after", "first"),
    Point("node.start.tenant_added", "first"),
    Point("storage.root.sync.before", "first", most=2),
    # Later starts: taking over, replay, cleaning up, a new stream.
    Point("node.start.catalog_opened", "start"),
    Point("node.start.epochs_raised", "start"),
    Point("tables.recovery.record_replayed", "start", most=30),
    Point("tables.recovery.orphan_removed", "start", after="tables.flush.written"),
    Point("storage.data_file.remove.before", "start", after="storage.temporary.rename.after"),
    Point("tables.recovery.memory_freed", "start", heavy=True),
    Point("node.start.recovered", "start"),
    Point("storage.stream.create_directory.after", "start"),
    Point("storage.journal.sync.before", "start"),
    Point("storage.journal.sync.after", "start"),
    Point("node.start.journal_checked", "start"),
    Point("node.start.stream_created", "start"),
    Point("node.start.proved", "start"),
    # A clean stop.
    Point("node.stop.drained", "stop"),
    Point("node.stop.flushed", "stop"),
    Point("node.stop.journal_closed", "stop"),
    Point("storage.catalog.write.after", "stop"),
    Point("storage.catalog.sync.before", "stop"),
)

# Calls of the disk that fail once: nothing is acknowledged that is not there, and the server says so or does without.
ERRORS = (
    Point("storage.segment.write.half", most=200),
    Point("storage.segment.write.after", most=200),
    Point("storage.segment.sync.before", most=200),
    Point("storage.segment.sync.after", most=200),
    Point("storage.spare.write.half", most=6),
    Point("storage.spare.sync.before", most=4),
    Point("storage.spare.rename.after", most=2),
    Point("storage.stream.sync.before", most=3),
    Point("storage.temporary.write.half", most=4),
    Point("storage.temporary.sync.before", most=4),
    Point("storage.temporary.rename.after", most=4),
    Point("storage.data_directory.sync.before", most=6),
    Point("storage.catalog_log.write.half", most=20),
    Point("storage.catalog_log.sync.before", most=8),
    Point("storage.catalog_log.sync.after", most=8),
)

# Moments that are held up while others look and write: what lies between two steps shows.
DELAYS = (
    Point("tables.flush.frozen"),
    Point("tables.flush.written"),
    Point("tables.flush.committed"),
    Point("tables.flush.published"),
    Point("tables.restate.durable"),
    Point("tables.restate.committed"),
    Point("tables.direct_write.committed"),
    Point("tables.add_source.committed"),
    Point("tables.remove_source.committed"),
    Point("tables.release.decided"),
    Point("storage.segment.sync.before", most=100),
    Point("storage.segment.sync.after", most=100),
    Point("storage.spare.sync.before", most=4),
    Point("rest.write.done", most=50),
)

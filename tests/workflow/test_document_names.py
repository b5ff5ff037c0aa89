import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gapless.records.documents import part_name
from gapless.workflow.document_names import names_of


@pytest.mark.parametrize("numbers", [[], [0], [4, 5, 6], [2, 3, 9], list(range(11))])
def test_documents_are_found_over_parts_and_row_groups(tmp_path, numbers) -> None:
    names = [{"work": f"work-{i}", "id": f"{i:04x}"} for i in range(11)]
    for part, (begin, end) in enumerate([(0, 5), (5, 6), (6, 11)]):
        table = pa.Table.from_pylist([name | {"text": "..."} for name in names[begin:end]])
        pq.write_table(table, tmp_path / part_name("documents", part), row_group_size=2)
    assert names_of(tmp_path, numbers) == [names[number] for number in numbers]

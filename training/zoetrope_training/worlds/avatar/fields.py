"""Named columns of a tensor of numbers."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Fields:
    """Which number of a row means what. A row is the last dim of a tensor."""

    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def at(self, name: str) -> int:
        """The column of a name.

        Raises:
            ValueError: there is none.
        """
        return self.names.index(name)

    def of(self, rows: Tensor, name: str) -> Tensor:
        """One column, [...] of rows [..., columns]."""
        return rows[..., self.at(name)]

    def grid(self, rows: Tensor, name: str) -> Tensor:
        """One column of rows [n, columns], to combine with pictures: [n, 1, 1]."""
        return rows[:, self.at(name), None, None]

    def colour(self, rows: Tensor, name: str) -> Tensor:
        """Three columns `name_r`, `name_g`, `name_b` of rows [n, columns]: [n, 3, 1, 1]."""
        first = self.at(f"{name}_r")
        return rows[:, first : first + 3, None, None]

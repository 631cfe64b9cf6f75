"""The churn course: its data (``data``, ``simulation``), its pipeline steps (``pipeline``) and its pictures (``pictures``)."""

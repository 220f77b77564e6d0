"""Evaluation datasets of MLflow 3: questions with expected answers, kept, merged and found again."""

# NAME=value on the command line wins over the environment, that over .env. A NAME is a setting, all of which stand in
# docs/operations.md and serve every target, or one that the target's own line below names:
# ACCOUNT AMOUNT APPROVAL CAPITAL CASH CASH_BUFFER COSTS DATE END FEATURES FILES FOLDS FORM FROM GRID GROSS HEAD ID LIMIT
# MAX_WEIGHT MODE MODEL NET ONLY OUT OUTPUT PARAMETERS REASON REBALANCE REJECT RELEASE REPLACE SCENARIOS SEED SESSION
# SPLIT STAGE START STRATEGIES STRATEGY SYMBOL SYMBOLS TABLES TEST_MONTHS TO TRAIN_MONTHS VALUE VERSION WAIVER WEIGHTING
VENV ?= .venv
# Such a value is taken as it was typed: make would read a $ in it as a variable of its own, and drop what follows.
$(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(eval override export $(name) := $$(value $(name)))))
export VENV
export PYTHONPATH := $(CURDIR)
RUNTIME := $(VENV)/bin/python -m data_layer.runtime

.PHONY: help run backfill stop status logs verify verify-audit backup restore downgrade replay rotate-keys env paper-run \
	kill rearm limits quarantine accept quality-report data-docs backtest sweep assess report train predict models \
	evaluate-models promote rollback mlflow deposit withdraw reset-account approve revoke adopt \
	test faults soak lint packages export bench peers core tools warm
.DEFAULT_GOAL := help

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' Makefile | expand -t 16

run: core warm ## install, start, load the history and run the five stages; SOURCE=files FILES=... for bars of your own
	@$(RUNTIME).run

stop: core ## stop what `make run` started in this home
	@$(RUNTIME).stop

status: core ## what runs, how far each stage is, where to look
	@$(RUNTIME).status

logs: core ## what the tasks logged: [SESSION=2012-06-01] [STAGE=risk_execution] [ID=run, correlation or order id]
	@$(RUNTIME).logs

replay: core ## decide past sessions again from what was known then, and compare: DATE=2012-06-01 [TO=]
	@$(VENV)/bin/python -m plugins.replay.run

verify: core ## check tables, row counts and invariants; TABLES=a,b for some
	@$(RUNTIME).verify

verify-audit: core ## check the chain of audit events and print its head; HEAD= one noted before is looked for
	@$(RUNTIME).verify_audit

backup: core ## quant_data, model artifacts and a manifest of hashes into a new folder OUT=, while all runs
	@$(RUNTIME).backup

restore: core ## put a backup FROM=folder into a stopped or new home; REPLACE=yes throws away what is in it
	@$(RUNTIME).restore

downgrade: core ## take migrations after TO=0041 back in a stopped home, for older code; make backup first
	@$(RUNTIME).downgrade

env: core ## .env for docker compose, its secrets generated; [DATABASE_URL= REDIS_URL= OUT=.env]
	@$(RUNTIME).env_file

kill: core ## latch the kill switch and cancel what is out: REASON="..." [ACCOUNT=]
	@$(VENV)/bin/python -m plugins.execution.kill

rotate-keys: core ## in a stopped home: a new key for Airflow's stored passwords, and new ones for its pages
	@$(RUNTIME).rotate

rearm: core ## arm the kill switch again: REASON="..." [ACCOUNT=]
	@$(RUNTIME).rearm

limits: core ## the risk limits; LIMIT=max_position VALUE=0.04 REASON="..." [SYMBOL=] changes one
	@$(RUNTIME).limits

quarantine: core ## rows put aside; RELEASE=id or REJECT=id with REASON="..." decides about one
	@$(RUNTIME).quarantine

accept: core ## let the gate pass SESSION= (or SYMBOL= in it) as it is; REASON="..." stays on record
	@$(RUNTIME).accept

quality-report: core ## what the gate found, into OUT=folder; FILES= with adjusted_close is rebuilt against
	@$(RUNTIME).quality_report

data-docs: core ## the expectations of the last run as pages
	@$(RUNTIME).data_docs

test: tools warm ## the test suite, without the fault suites
	@PYTHONDONTWRITEBYTECODE= $(VENV)/bin/python -m pytest -m "not faults" -n 3 --no-loadscope-reorder

faults: tools warm ## kill, race, stall and recovery suites
	@PYTHONDONTWRITEBYTECODE= $(VENV)/bin/python -m pytest tests/faults -n 3 --no-loadscope-reorder

soak: tools warm ## the same with ten times the kills and lost answers
	@PYTHONDONTWRITEBYTECODE= SOAK=10 $(VENV)/bin/python -m pytest tests/faults -n 3 --no-loadscope-reorder

lint: tools ## ruff, mypy and bandit
	@$(VENV)/bin/python -m ruff check .
	@$(VENV)/bin/python -m mypy
	@$(VENV)/bin/python -m bandit --quiet --configfile pyproject.toml --recursive models data_layer plugins dags 2>/dev/null

packages: tools ## the licence of every pinned package, and its known weaknesses
	@$(VENV)/bin/python -m data_layer.runtime.packages

backfill: core ## fetch bars and actions of START= to END=, [SYMBOLS=] [SOURCE=]; repeat it to go on
	@$(VENV)/bin/python -m plugins.backfill

backtest: core ## one strategy: STRATEGY= [PARAMETERS="x=1" SYMBOLS= START= END= CASH= COSTS= FORM=grid|portfolio WEIGHTING= REBALANCE= MAX_WEIGHT= GROSS= NET= CASH_BUFFER=]
	@$(VENV)/bin/python -m plugins.backtest.run

sweep: core ## a grid of parameters: STRATEGY= GRID="oversold=20:40:5 exit_level=45,50" and what backtest takes
	@$(VENV)/bin/python -m plugins.backtest.sweep

assess: core ## every strategy in every scenario, ranked; FILES=bars.parquet [STRATEGIES= SYMBOLS= SCENARIOS= START= END= COSTS= OUT=]
	@$(VENV)/bin/python -m plugins.backtest.assess

paper-run: core ## rehearse the last session on paper: [SYMBOLS= CAPITAL= OUTPUT=run.json DRY_RUN=1]; the home stays as it is
	@$(VENV)/bin/python -m plugins.paper_run

train: core ## a version of MODEL=, judged by its walk-forward; [PARAMETERS= SYMBOLS= START= END= FOLDS= TRAIN_MONTHS= TEST_MONTHS= MODE= SEED=]
	@$(VENV)/bin/python -m plugins.ml.train

predict: core ## what the version in use (or VERSION=) of MODEL= foretells from START= to END=
	@$(VENV)/bin/python -m plugins.ml.predict

models: core ## versions of trained models, their folds' numbers, which are in use
	@$(VENV)/bin/python -m plugins.ml.manage models

promote: core ## let the gate decide about VERSION=; WAIVER="A. Person" REASON="..." overrules it on record
	@$(VENV)/bin/python -m plugins.ml.manage promote

rollback: core ## put the version of MODEL= that was in use before into use again
	@$(VENV)/bin/python -m plugins.ml.manage rollback

evaluate-models: core ## a model against plain rules on FILES=bars.parquet; [MODEL= PARAMETERS= START= SPLIT= END= SYMBOLS= SEED=]
	@$(VENV)/bin/python -m plugins.ml.evaluate

report: core ## tear sheets into OUT=folder, each one page and its numbers as JSON; [MODEL=name or account] [START= END=]
	@$(VENV)/bin/python -m plugins.reports.run

mlflow: core ## the page of all training runs, on a free port
	@$(RUNTIME).mlflow_page

approve: core ## orders for a real broker: APPROVAL=id, or the only one that waits; REJECT=yes refuses it
	@$(VENV)/bin/python -m plugins.execution.command approve

adopt: core ## take over what the paper account at the broker holds, once
	@$(VENV)/bin/python -m plugins.execution.adopt

revoke: core ## take an approval back and cancel what is open: APPROVAL=id REASON="..."
	@$(VENV)/bin/python -m plugins.execution.command revoke

export: core ## features to a file: FEATURES=technical START= END= OUT=file.parquet (or file.arrow)
	@$(VENV)/bin/python -m data_layer.storage.export --features "$(FEATURES)" --start "$(START)" --end "$(END)" --out "$(OUT)"

bench: tools peers ## time against the best peers; ONLY=name for one
	@$(VENV)/bin/python -m tests.benchmarks $(if $(ONLY),ONLY=$(ONLY))

peers:
	@[ -x .venv-bench/bin/python ] || $(VENV)/bin/python -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt

deposit: core ## pay AMOUNT= USD into the paper account, at the next session's open or SESSION='s
	@$(RUNTIME).account deposit

withdraw: core ## take AMOUNT= USD of cash out of the paper account; SESSION= as with deposit
	@$(RUNTIME).account withdraw

reset-account: core ## close the paper account, REASON="..." stays on record, and open another
	@$(RUNTIME).account reset

warm:
	@$(VENV)/bin/python -m compileall -q models data_layer plugins dags
	@$(VENV)/bin/python -m plugins.backtest.warm & other=$$!; $(VENV)/bin/python -m data_layer.features.warm && wait $$other

core:
	@deploy/venv.sh requirements-core.txt

tools:
	@deploy/venv.sh requirements.txt

"""Which transport for which context, argued: pure, its questions, scores, reasons and sources are data files.

    rules = load_rules()
    advice = advise(rules, {"environment": "on-prem", "audience": "internal"})

`advice` is one value; `terminal`, `markdown`, `as_json` and `html_page` print it. To change what is advised,
change the TOML files in `slackd/advise/data/`; each has a JSON Schema beside it.
"""

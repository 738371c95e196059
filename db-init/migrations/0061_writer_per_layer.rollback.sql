REVOKE ALL ON ALL TABLES IN SCHEMA public FROM quant_ingest, quant_features, quant_models, quant_risk, quant_performance;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM quant_ingest, quant_features, quant_models, quant_risk, quant_performance;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM quant_ingest, quant_features, quant_models, quant_risk, quant_performance;

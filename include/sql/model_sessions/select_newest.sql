-- What one model did in its newest sessions up to one. Parameters: model_id, last, count. Called by plugins.stages.measuring.
SELECT * FROM (
    SELECT session_date, net_return, gross_return, turnover, cost, gross_exposure, net_exposure, benchmark_return, signals,
           expired, closed, wins, losses, correct, closed_1, closed_2, closed_3, closed_4, closed_5, correct_1, correct_2,
           correct_3, correct_4, correct_5, net_sum, win_sum, loss_sum, ic_1, rank_ic_1, ic_5, rank_ic_5, ic_21, rank_ic_21
    FROM model_sessions WHERE model_id = %(model_id)s::bigint AND session_date <= %(last)s::date
    ORDER BY session_date DESC LIMIT %(count)s::bigint
) newest ORDER BY session_date

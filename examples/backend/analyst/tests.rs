use super::*;
use crate::input::Source;
use crate::pipeline;

/// The expected answers were worked out from the CSV files by a separate program.
async fn ask(series: &str, question: &str) -> Result<Answer, AnalystError> {
    let store = Arc::new(Store::open(None, FaultSwitch::default()).await.expect("a fresh database"));
    let sources: Vec<Source> = Source::built_in().into_iter().filter(|source| source.series() == series).collect();
    pipeline::load_all(&store, &sources).await.expect("good files");
    let series = store.find_series(series).await.expect("an answer").expect("the series");
    Analyst::new(store, FaultSwitch::default(), None).answer(&series, question).await
}

#[tokio::test]
async fn the_busiest_day_is_the_one_with_the_largest_total() {
    let answer = ask("nyc_taxi", "Which day was busiest?").await.expect("an answer");
    assert_eq!(
        answer.text,
        "The busiest day of nyc_taxi was Saturday 2014-11-01, with a total of 986568 over 48 points."
    );
    assert_eq!(answer.found["day"], "2014-11-01");
    let answer = ask("ec2_request_latency_system_failure", "which day was busiest?").await.expect("an answer");
    assert_eq!(answer.found["day"], "2014-03-11");
    assert!(answer.text.contains("13359.95 over 288 points"), "{}", answer.text);
}

#[tokio::test]
async fn the_unusual_days_of_the_taxis_are_holidays_and_a_blizzard() {
    let answer = ask("nyc_taxi", "Where does it depart from its usual week?").await.expect("an answer");
    let days: Vec<&str> =
        answer.found["days"].as_array().expect("days").iter().filter_map(|day| day["day"].as_str()).collect();
    let expected = [
        "Thursday 2015-01-01",
        "Tuesday 2015-01-27",
        "Thursday 2014-12-25",
        "Thursday 2014-11-27",
        "Monday 2014-09-01",
    ];
    assert_eq!(days, expected);
    assert_eq!(answer.found["days"][0]["hour"], "2015-01-01 03:00:00");
    assert_eq!(answer.found["compared_with_usual"], "week");
    assert!(answer.text.contains("2015-01-27 (11.2 times the usual spread, lower"), "{}", answer.text);
}

#[tokio::test]
async fn two_weeks_are_compared_with_the_usual_day() {
    let answer = ask("ec2_request_latency_system_failure", "where is it unusual?").await.expect("an answer");
    assert_eq!(answer.found["compared_with_usual"], "day");
    // The day on which the system failed.
    assert_eq!(answer.found["days"][0]["day"], "Friday 2014-03-21");
}

#[tokio::test]
async fn average_and_count() {
    let answer = ask("nyc_taxi", "what is the average?").await.expect("an answer");
    assert_eq!(answer.text, "The average of nyc_taxi is 15137.57.");
    let answer = ask("ec2_request_latency_system_failure", "how many points are there?").await.expect("an answer");
    assert_eq!(answer.text, "ec2_request_latency_system_failure has 4032 points.");
}

#[tokio::test]
async fn a_question_that_it_does_not_know_is_answered_with_those_it_knows() {
    let error = ask("nyc_taxi", "who are you?").await.expect_err("it answered");
    assert!(matches!(error, AnalystError::UnknownQuestion));
    assert!(error.to_string().contains("which day was busiest?"));
}

#[test]
fn it_knows_the_questions_that_it_lists() {
    let topics = [Topic::BusiestDay, Topic::UsualWeekDeparture, Topic::Average, Topic::CountPoints];
    assert_eq!(QUESTIONS.map(Topic::of), topics.map(Some));
}

#[tokio::test]
async fn each_tool_that_a_model_is_told_of_is_the_one_that_answers() {
    for (question, topic) in QUESTIONS.into_iter().zip(QUESTIONS.map(Topic::of)) {
        let answer = ask("nyc_taxi", question).await.expect("an answer");
        assert_eq!(Some(answer.tool), topic.map(|topic| topic.tool().0), "{question}");
    }
}

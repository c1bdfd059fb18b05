using Tuna.Losses;
using System.Text;
using Tuna.Data;
using Tuna.Data.Formats;
using Tuna.Data.Prompts;
using Tuna.Testing;

namespace Tuna.Data.Tests.Formats;

public class RankedFormatsTests
{
    private static readonly RankedExample Pair = new() { Id = "p", Instruction = "ask", Outputs = ["good", "bad"], Scores = [1, 0] };

    [Theory]
    [InlineData("""{"id":"p","prompt":"ask","chosen":"good","rejected":"bad"}""")]
    [InlineData("""{"id":"p","chosen":"askgood","rejected":"askbad"}""")] // implicit prompt
    [InlineData(
        """{"id":"p","prompt":[{"role":"user","content":"ask"}],"chosen":[{"role":"assistant","content":"good"}],"rejected":"""
            + """[{"role":"assistant","content":"bad"}]}""")]
    [InlineData(
        """{"id":"p","chosen":[{"role":"user","content":"ask"},{"role":"assistant","content":"good"}],"rejected":"""
            + """[{"role":"user","content":"ask"},{"role":"assistant","content":"bad"}]}""")]
    // as ultrafeedback_binarized
    [InlineData(
        """{"id":"p","prompt":"ask","chosen":[{"role":"user","content":"ask"},{"role":"assistant","content":"good"}],"rejected":"""
            + """[{"role":"user","content":"ask"},{"role":"assistant","content":"bad"}]}""")]
    public void Trl_EveryForm_IsThePair(string row) => Assert.Equal(Pair, Read(row, new TrlPreferenceFormat()));

    [Fact]
    public void Trl_ImplicitPromptThatPartsAfterASpace_LeavesTheSpaceToTheResponses()
    {
        RankedExample row = Read("""{"chosen":"Colour? blue","rejected":"Colour? black"}""", new TrlPreferenceFormat());
        Assert.Equal("Colour? bl", row.Instruction); // as TRL does: the texts part after "bl"
        row = Read("""{"chosen":"Colour? red","rejected":"Colour? blue"}""", new TrlPreferenceFormat());
        Assert.Equal(("Colour?", " red"), (row.Instruction, row.Outputs[0]));
    }

    [Fact]
    public void Trl_ConversationsScoresAndExtras_AreKept()
    {
        RankedExample row = Read(
            """{"prompt":[{"role":"system","content":"Be brief."},{"role":"user","content":"hi"},{"role":"assistant","content":"hello"},"""
                + """{"role":"user","content":"bye"}],"chosen":"x","rejected":"y","score_chosen":7.5,"score_rejected":3,"source":"s"}""",
            new TrlPreferenceFormat());
        Assert.Equal("Be brief.\n\nUser: hi\n\nAssistant: hello\n\nUser: bye", row.Instruction);
        Assert.Equal([7.5, 3], row.Scores);
        Assert.Equal(["source", "prompt_messages"], row.Extra.Select(f => f.Name));
        Assert.Contains("\"Be brief.\"", row.Extra[1].Json);
    }

    [Theory]
    [InlineData("""{"prompt":"a","chosen":"x"}""", "key 'rejected': this field is missing")]
    [InlineData("""{"prompt":"a","chosen":"x","rejected":[]}""", "chosen is a string, rejected an array")]
    [InlineData("""{"prompt":"a","chosen":[{"role":"user","content":"x"}],"rejected":[{"role":"user","content":"x"}]}""",
        "key 'chosen': the last message is not the assistant's")]
    [InlineData(
        """{"chosen":[{"role":"user","content":"a"},{"role":"assistant","content":"x"}],"rejected":[{"role":"user","content":"b"},"""
            + """{"role":"assistant","content":"y"}]}""", "only the last answers may differ")]
    [InlineData("""{"prompt":"a","chosen":[{"content":"x"}],"rejected":[]}""", "a message has no role")]
    [InlineData("""{"prompt":"a","chosen":"x","rejected":"y","score_chosen":"high"}""",
        "key 'score_chosen': '\"high\"' is not a finite number")]
    public void Trl_BadRow_NamesThePlace(string row, string message)
    {
        DataFormatException e = Assert.Throws<DataFormatException>(() => Read(row, new TrlPreferenceFormat()));
        Assert.StartsWith("data, line 1", e.Message);
        Assert.Contains(message, e.Message);
    }

    [Fact]
    public void UltraFeedback_Row_HasScoresAspectsAndModels()
    {
        const string Row = """
            {"source":"s","instruction":"ask","models":["m1","m2","m3"],"completions":[
             {"model":"m1","response":"a","overall_score":7.5,"fine-grained_score":4.25,
              "annotations":{"helpfulness":{"Rating":"5","Rationale":"r"},"honesty":{"Rating":"N/A"}}},
             {"model":"m2","response":"b","overall_score":10,"fine-grained_score":1.5,
              "annotations":{"helpfulness":[{"Rating":"2"}],"honesty":{"Rating":"1"}}},
             {"model":"m3","response":"c","overall_score":null}]}
            """;
        RankedExample row = Read($"[{Row}]", new UltraFeedbackFormat());
        Assert.Equal(["a", "b", "c"], row.Outputs);
        Assert.Equal(["m1", "m2", "m3"], row.Models);
        Assert.Equal([5, 1.5, null], row.Scores);
        Assert.Equal([7.5, 10, null], Read($"[{Row}]", new UltraFeedbackFormat(UltraFeedbackScore.Overall)).Scores);
        Assert.Equal([4.25, 1.5, null], Read($"[{Row}]", new UltraFeedbackFormat(UltraFeedbackScore.FineGrained)).Scores);
        Assert.Equal(["source", "aspects", "candidate_notes"], row.Extra.Select(f => f.Name));
        Assert.Equal("""{"helpfulness":[5,2,null],"honesty":[null,1,null]}""", row.Extra[1].Json);
        Assert.Equal(row, RoundTrip(row, new UltraFeedbackFormat()));
    }

    [Theory]
    [InlineData("""{"instruction":"i","completions":[]}""", "key 'completions': there are no completions")]
    [InlineData("""{"instruction":"i","completions":[{"model":"m"}]}""", "key 'response': this field is missing")]
    [InlineData("""{"instruction":"i","completions":[{"response":"x","annotations":{"a":{"Rating":"good"}}}]}""",
        "key 'completions[0].annotations.a': '\"good\"' is not a finite number")]
    [InlineData("""{"completions":[{"response":"x"}]}""", "key 'instruction': this field is missing")]
    public void UltraFeedback_BadRow_NamesThePlace(string row, string message) =>
        Assert.Contains(message, Assert.Throws<DataFormatException>(() => Read(row, new UltraFeedbackFormat())).Message);

    [Fact]
    public void Rrhf_AlpacaQuery_BecomesInstructionAndInput()
    {
        string query = AlpacaPromptTemplate.Instance.Format("ask", "this");
        RankedExample row = Read(
            $$"""{"query":{{System.Text.Json.JsonSerializer.Serialize(query)}},"responses":["a","b"],"scores":[2,null]}""",
            new RrhfFormat());
        Assert.Equal(("ask", "this"), (row.Instruction, row.Input));
        Assert.Equal([2, null], row.Scores);
        Assert.Equal(row, RoundTrip(row, new RrhfFormat()));
        Assert.Equal("plain", Read("""{"query":"plain","responses":["a"],"scores":[1]}""", new RrhfFormat()).Instruction);
        Assert.Contains("1 items for 2 responses",
            Assert.Throws<DataFormatException>(() =>
            Read("""{"query":"q","responses":["a","b"],"scores":[1]}""", new RrhfFormat())).Message);
    }

    [Theory]
    [InlineData("1", 1.0, 0.0)]
    [InlineData("2.0", 0.0, 1.0)]
    [InlineData("1.75", 0.25, 0.75)]
    [InlineData("0", 0.5, 0.5)]
    [InlineData("null", null, null)]
    public void AlpacaEval_Preference_IsTheProbabilityToBeBetter(string preference, double? first, double? second)
    {
        RankedExample row = Read(
            $$"""{"instruction":"i","output_1":"a","generator_1":"base","output_2":"b","generator_2":"m","""
                + $$""" "annotator":"gpt","preference":{{preference}}}""", AlpacaEvalFormat.Instance);
        Assert.Equal([first, second], row.Scores);
        Assert.Equal(["base", "m"], row.Models);
        Assert.Equal(row, RoundTrip(row, AlpacaEvalFormat.Instance));
    }

    [Fact]
    public void AlpacaEval_Merge_IsOneRowPerInstruction()
    {
        const string Text = """
            [{"instruction":"i","output_1":"base i","generator_1":"base","output_2":"m i","generator_2":"m","preference":1.25},
             {"instruction":"j","output_1":"base j","generator_1":"base","output_2":"m j","generator_2":"m","preference":2},
             {"instruction":"i","output_1":"base i","generator_1":"base","output_2":"n i","generator_2":"n","preference":null}]
            """;
        IReadOnlyList<RankedExample> rows = AlpacaEvalFormat.Merge(ReadAll(Text, AlpacaEvalFormat.Instance));
        Assert.Equal(["0", "1"], rows.Select(r => r.Id));
        Assert.Equal(("base i", "i"), (rows[0].Reference, rows[0].Instruction));
        Assert.Equal(["m i", "n i"], rows[0].Outputs);
        Assert.Equal(["m", "n"], rows[0].Models);
        Assert.Equal([0.25, null], rows[0].Scores);
        Assert.Equal([1], rows[1].Scores);
        Assert.Contains("3 is not a preference",
            Assert.Throws<DataFormatException>(() =>
            Read("""{"instruction":"i","output_1":"a","output_2":"b","preference":3}""", AlpacaEvalFormat.Instance)).Message);
    }

    [Fact]
    public void TunaProbabilistic_Row_KeepsWhatEquation3Needs()
    {
        const string Row =
            """{"orig":{"instruction":"ask","input":"","output":"gold"},"text":["a","b"],"avg_token_prob":[-0.5,-1],"length":[4,"""
                + """2.0],"logprob":[-2,-2.5]}""";
        RankedExample row = Read(Row, TunaProbabilisticFormat.Instance);
        Assert.Equal(("ask", null, "gold", false), (row.Instruction, row.Input, row.Reference, row.IsRanked));
        Assert.Equal([-2, -2.5], row.LogProbs);
        Assert.Equal([4, 2], row.TokenCounts);
        Assert.Equal("avg_token_prob", Assert.Single(row.Extra).Name);
        Assert.Equal(row, RoundTrip(row, TunaProbabilisticFormat.Instance));
        Assert.Contains("key 'length': item 1 is 2.5",
            Assert.Throws<DataFormatException>(() => Read(Row.Replace("2.0", "2.5"), TunaProbabilisticFormat.Instance)).Message);
        Assert.Contains("key 'logprob': 1 items for 2",
            Assert.Throws<DataFormatException>(() => Read(Row.Replace("-2,-2.5", "-2"), TunaProbabilisticFormat.Instance)).Message);
    }

    [Fact]
    public void TunaProbabilistic_RowWithoutLogProbs_IsWrittenAsItIsRead()
    {
        RankedExample read = RoundTrip(Pair, TunaProbabilisticFormat.Instance);
        Assert.Equal([null, null], read.LogProbs);
        Assert.Equal([null, null], read.TokenCounts);
    }

    [Theory]
    [InlineData("[2, 4, 0, 1, 3]", 2.0, 1.0, 3.0, 0.0)]
    [InlineData("[4, 1, 0]", 0.0, 1.0, null, null)] // the judge's own answer first, two duplicates dropped
    [InlineData("[]", null, null, null, null)]
    public void TunaContextual_Rank_LosesTheJudgesOwnAnswer(string rank, params double?[] scores)
    {
        string query = System.Text.Json.JsonSerializer.Serialize(AlpacaPromptTemplate.Instance.Format("ask", "in"));
        RankedExample row = Read($$"""{"id":3,"instruct":{{query}},"generation":["a","b","c","d"],"rank":{{rank}},"response_4":"own"}""",
            TunaContextualFormat.Instance);
        Assert.Equal(("3", "ask", "in"), (row.Id, row.Instruction, row.Input));
        Assert.Equal(scores, row.Scores);
        Assert.Equal(row, RoundTrip(row, TunaContextualFormat.Instance));
    }

    [Theory]
    [InlineData("[0, 5]", "'5' is not the index of a response; indices are 0 to 4")]
    [InlineData("[0, 0]", "0 stands twice")]
    [InlineData("[\"a\"]", "is not the index of a response")]
    public void TunaContextual_BadRank_SaysWhy(string rank, string message) => Assert.Contains(
        message, Assert.Throws<DataFormatException>(() =>
            Read($$"""{"id":3,"instruct":"i","generation":["a","b","c","d"],"rank":{{rank}}}""", TunaContextualFormat.Instance)).Message);

    [Fact]
    public void Order_PositionsAndNames_AreScores()
    {
        RankedExample row = Read("""{"instruction":"i","output":["a","b","c","d"],"order":"2 > 0 = 1"}""", OrderListFormat.Instance);
        Assert.Equal([0, 0, 1, null], row.Scores);
        Assert.Equal(row, RoundTrip(row, OrderListFormat.Instance));
        row = Read("""{"instruction":"i","output":["a","b","c"],"model":["x","y",null],"order":"y>x=2"}""", OrderListFormat.Instance);
        Assert.Equal([0, 1, 0], row.Scores);
        DataFormatException e = Assert.Throws<DataFormatException>(() =>
            Read("""{"id":9,"instruction":"i","output":["a"],"order":"1 > 0"}""", OrderListFormat.Instance));
        Assert.Contains(
            "data, line 1, id '9', key 'order': '1' in the order '1 > 0' is neither a candidate's name nor a position from 0 to 0",
            e.Message);
    }

    [Fact]
    public void Alpaca_RowsAndRankings_Convert()
    {
        RankedExample row = Read("""{"instruction":"i","input":"","output":"o"}""", AlpacaFormat.Instance);
        Assert.Equal(("o", false, "0"), (row.Reference, row.IsRanked, row.Id));
        var ranked = new RankedExample { Id = "r", Instruction = "i", Outputs = ["a", "b"], Scores = [1, 2], Reference = "c" };
        Assert.Equal("b", RoundTrip(ranked, AlpacaFormat.Instance).Reference);
    }

    [Fact]
    public void PreferencePairs_RankedRow_SkipsTiesAndMissing()
    {
        var row = new RankedExample
        {
            Id = "r",
            Instruction = "i",
            Outputs = ["a", "b", "c", "d", "e"],
            Scores = [1, 3, null, 1, 2],
            LogProbs = [-1, -2, -3, -4, -5],
        };
        string[] Pairs(PairSelection selection) =>
            [.. PreferencePairs.Of(row, selection).Select(p => $"{p.Id} {p.Outputs[0]}>{p.Outputs[1]}")];
        Assert.Equal(["r/1-4 b>e", "r/1-0 b>a", "r/1-3 b>d", "r/4-0 e>a", "r/4-3 e>d"], Pairs(PairSelection.AllPairs));
        Assert.Equal(["r/1-3 b>d"], Pairs(PairSelection.BestVersusWorst));
        Assert.Equal(3, Pairs(PairSelection.BestVersusRest).Length);
        Assert.Equal(["r/1-4 b>e", "r/4-0 e>a"], Pairs(PairSelection.Adjacent));
        Assert.Equal([-2, -5], PreferencePairs.Of(row).First().LogProbs);
        foreach (RankedExample pair in PreferencePairs.Of(row))
        {
            RankedExample back = RoundTrip(pair, new TrlPreferenceFormat(messages: true));
            Assert.Equal((pair.Id, pair.Outputs[0], pair.Scores[1]), (back.Id, back.Outputs[0], back.Scores[1]));
        }

        Assert.Contains("'r' is no preference pair",
            Assert.Throws<ArgumentException>(() => RoundTrip(row, new TrlPreferenceFormat())).Message);
    }

    [Theory]
    [InlineData("""{"prompt":"a","chosen":"x","rejected":"y"}""", "trl")]
    [InlineData("""{"instruction":"i","completions":[]}""", "ultrafeedback")]
    [InlineData("""{"query":"q","responses":[],"scores":[]}""", "rrhf")]
    [InlineData("""{"instruction":"i","output_1":"a","output_2":"b","preference":1}""", "alpacaeval")]
    [InlineData("""{"instruction":"i","output":["a"],"order":"0"}""", "order")]
    [InlineData("""[{"instruction":"i","output":["a"],"score":[1]}]""", "ranked")]
    [InlineData("""[{"instruction":"i","output":"a"}]""", "alpaca")]
    [InlineData("""[{"orig":{},"text":[],"logprob":[],"length":[]}]""", "tuna-p")]
    [InlineData("""[{"id":1,"instruct":"i","generation":[],"rank":[]}]""", "tuna-c")]
    public void Detect_FirstRow_NamesTheForm(string text, string form)
    {
        using var folder = new TemporaryFolder();
        string path = folder.Write("x.json", text);
        Assert.Equal(form, RankedFormats.Detect(path));
        Assert.True(RankedFormats.ByName.ContainsKey(form));
    }

    [Fact]
    public void Detect_InstructionsWithoutResponses_AreNoRankedData()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains("instruction, a, order",
            Assert.Throws<DataFormatException>(() =>
            RankedFormats.Detect(folder.Write("x.json", """{"instruction":"i","a":"x","order":"a"}"""))).Message);
    }

    [Fact]
    public void Detect_UnknownForm_ListsFieldsAndForms()
    {
        using var folder = new TemporaryFolder();
        string message = Assert.Throws<DataFormatException>(() =>
            RankedFormats.Detect(folder.Write("x.json", """{"text":"a","label":1}"""))).Message;
        Assert.Contains("the fields text, label. A form is known by all its fields: ranked (instruction, output[])", message);
        Assert.Throws<DataFormatException>(() => RankedFormats.Detect(folder.Write("y.json", "")));
    }

    [Theory]
    [InlineData("a > a", "'a' stands twice")]
    [InlineData("a >", "There is an empty place")]
    [InlineData("a > z", "'z' in the order 'a > z' is neither")]
    [InlineData("3", "'3' in the order")]
    [InlineData("-1", "'-1' in the order")]
    public void OrderList_BadOrder_SaysWhy(string order, string message) =>
        Assert.StartsWith(message, Assert.Throws<FormatException>(() => OrderList.Parse(order, 3, ["a", "b", "c"])).Message);

    [Fact]
    public void OrderList_FormatOfParse_IsTheOrder()
    {
        Assert.Equal("c > a = b", OrderList.Format(OrderList.Parse(" c>b = a", 3, ["a", "b", "c"]), ["a", "b", "c"]));
        Assert.Equal([null, null], OrderList.Parse(" ", 2));
    }

    private static RankedExample Read(string text, RowFormat<RankedExample> format) => Assert.Single(ReadAll(text, format));

    private static RankedExample[] ReadAll(string text, RowFormat<RankedExample> format)
    {
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(text));
        return [.. DataFile.Read(stream, "data", format)];
    }

    private static RankedExample RoundTrip(RankedExample row, RowFormat<RankedExample> format)
    {
        using var folder = new TemporaryFolder();
        DataFile.Write(folder.File("x.jsonl"), [row], format);
        return Assert.Single(DataFile.Read(folder.File("x.jsonl"), format));
    }
}

using Microsoft.Extensions.AI;
using Tuna.Chat;
using Tuna.Chat.Errors;
using Tuna.Chat.Http;
using Tuna.Chat.Journaling;
using Tuna.Data.Groups;
using Tuna.Policies;
using Tuna.Rankers.Probabilistic;
using Tuna.Rankers.Teachers;
using Tuna.Rankers.Tests.Support;
using Tuna.Ranking;
using Tuna.Testing.Services;

namespace Tuna.Rankers.Tests.Teachers;

public sealed class TeacherTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tuna-teacher").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task ChatTeacher_OverHttp_KeepsEveryResponseAndChangesBetaForFree()
    {
        var seeds = new HashSet<long>();
        await using OpenAIServer server = await OpenAIServer.StartAsync(call =>
        {
            long seed = call.Body.GetProperty("seed").GetInt64();
            int k;
            lock (seeds)
            {
                seeds.Add(seed);
                k = seeds.Count;
            }

            Assert.Equal(1, call.Body.GetProperty("temperature").GetDouble());
            Assert.EndsWith("### Response:", call.Prompt, StringComparison.Ordinal);
            return ServerReply.Chat($"response {k}", "stop", [.. Enumerable.Repeat(-0.5, k)]);
        });
        string path = Path.Combine(_folder, "teacher.jsonl");
        async Task<TeacherAnswer> Ask()
        {
            using CallJournal journal = CallJournal.Open(path);
            using IChatClient client =
                new ChatCompletionsClient(new HttpChatOptions { BaseAddress = server.Address, Model = "m", LogProbs = true })
                .AsBuilder().UseCallPipeline(new CallPipelineOptions { Journal = journal }).Build();
            return await new ChatTeacher(client).AnswerAsync(new TeacherRequest("row-1", "Name a colour."));
        }

        TeacherAnswer answer = await Ask();
        TeacherAnswer again = await Ask();

        Assert.Equal(4, seeds.Count);
        Assert.Equal(4, server.Calls);
        Assert.Equal([1, 2, 3, 4], answer.Responses.Select(r => r.TokenCount!.Value));
        Assert.Equal([-0.5, -1, -1.5, -2], answer.Responses.Select(r => r.LogProb!.Value));
        Assert.Equal(answer.Responses, again.Responses);
        Assert.Equal(4, answer.Usage.Calls);
        Assert.Equal(RankingUsage.None, again.Usage);
        RankingRequest row = again.ToRankingRequest(new TeacherRequest("row-1", "Name a colour."));
        Assert.Equal([0, 1, 2, 3], (await new ProbabilisticRanker(0.5).RankAsync(row)).Order);
        Assert.Equal([3, 2, 1, 0], (await new ProbabilisticRanker(1.3).RankAsync(row)).Order);
    }

    [Fact]
    public async Task ChatTeacher_NoLogProbs_SaysWhatToDo()
    {
        using var service = new ScriptedChatClient("an answer");

        var e = await Assert.ThrowsAsync<RankingException>(() => new ChatTeacher(service).AnswerAsync(new TeacherRequest("r", "i")));

        Assert.Contains("HttpChatOptions.LogProbs", e.Message, StringComparison.Ordinal);
        Assert.Equal(1, e.Usage.Calls);
    }

    [Fact]
    public async Task ChatTeacher_Failure_IsNamed()
    {
        using var service = new ScriptedChatClient((_, _, _) => throw new ChatServiceException("no key", new ServiceError(401)));

        var e = await Assert.ThrowsAsync<RankingException>(() => new ChatTeacher(service).AnswerAsync(new TeacherRequest("r", "i")));

        Assert.Equal(RankingFailure.Stopped, e.Reason);
    }

    [Fact]
    public async Task PolicyTeacher_GivesTextsLogProbsAndLengths()
    {
        using var policy = new TwoTokenPolicy();
        using var teacher = new PolicyTeacher(policy, ByteTokenizer.Instance, new TeacherOptions { MaxTokens = 7, Seed = 3 }, "tiny");

        TeacherAnswer answer = await teacher.AnswerAsync(new TeacherRequest("r", "i", null, 3));
        TeacherAnswer other = await teacher.AnswerAsync(new TeacherRequest("s", "i", null, 3));

        Assert.Equal([new("A", -2, 2, "tiny"), new("A", -2, 2, "tiny"), new("A", -2, 2, "tiny")], answer.Responses);
        Assert.Equal(3, other.Responses.Count);
        Assert.Equal(7, policy.Requests[0].MaxNewTokens);
        Assert.Equal([ByteTokenizer.Instance.EosId], policy.Requests[0].StopTokens);
        Assert.NotEqual(policy.Requests[0].Seed, policy.Requests[1].Seed); // rows do not share their noise
    }

    [Fact]
    public async Task PolicyTeacher_PromptTooLong_IsNamed()
    {
        using var policy = new TwoTokenPolicy();
        using var teacher = new PolicyTeacher(policy, ByteTokenizer.Instance);

        var e = await Assert.ThrowsAsync<RankingException>(() => teacher.AnswerAsync(new TeacherRequest("r", new string('x', 500))));

        Assert.Equal(RankingFailure.InvalidRequest, e.Reason);
    }

    private sealed class TwoTokenPolicy : IPolicyModel
    {
        public List<SamplingRequest> Requests { get; } = [];

        public PolicyInfo Info { get; } = new(259, 400, 8, 1, 100);

        public void Score(IReadOnlyList<TokenGroup> groups, Span<double> logProbs, CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();

        public IReadOnlyList<IReadOnlyList<SampledResponse>> Sample(IReadOnlyList<SamplingRequest> requests,
            CancellationToken cancellationToken = default)
        {
            Requests.AddRange(requests);
            return [.. requests.Select(r =>
                (IReadOnlyList<SampledResponse>)[.. Enumerable.Repeat(new SampledResponse([3 + 'A', 2], -2, true), r.Count)])];
        }

        public void Dispose()
        {
        }
    }
}

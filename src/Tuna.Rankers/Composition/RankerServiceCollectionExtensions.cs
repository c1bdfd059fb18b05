using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Tuna.DependencyInjection;
using Tuna.Policies;
using Tuna.Data.Prompts;
using Tuna.Rankers.Calls;
using Tuna.Rankers.Composition;
using Tuna.Rankers.Judging;
using Tuna.Rankers.Probabilistic;
using Tuna.Rankers.Teachers;
using Tuna.Ranking;
using Tuna.Data.Groups;
using Tuna.Tokenization;

// The namespace every application already has open where it registers services.
#pragma warning disable IDE0130
namespace Microsoft.Extensions.DependencyInjection;
#pragma warning restore IDE0130

/// <summary>Registers rankers, teachers and the calls they make.</summary>
/// <remarks>Everything is a singleton and is only added when the application has none of its own. Everything also works by <c>new</c>.</remarks>
public static class RankerServiceCollectionExtensions
{
    /// <summary>Adds a ranker; the builder that is returned decorates it.</summary>
    /// <param name="tuna">The builder of <c>AddTuna</c>.</param>
    /// <param name="ranker">Makes the ranker.</param>
    public static RankerBuilder AddRanker(this ITunaBuilder tuna, Func<IServiceProvider, IResponseRanker> ranker)
    {
        ArgumentNullException.ThrowIfNull(tuna);
        var builder = new RankerBuilder(ranker);
        tuna.Services.TryAddSingleton(builder.Build);
        return builder;
    }

    /// <summary>Adds the ranker by log-probabilities that came with the data (<see cref="ProbabilisticRanker"/>).</summary>
    /// <param name="tuna">The builder of <c>AddTuna</c>.</param>
    /// <param name="beta">Length exponent of Eq. 3.</param>
    public static RankerBuilder AddProbabilisticRanker(this ITunaBuilder tuna, double beta = LengthPenalizedScore.DefaultBeta) =>
        tuna.AddRanker(_ => new ProbabilisticRanker(beta));

    /// <summary>Adds the ranker that scores with the registered <see cref="IPolicyModel"/> (<see cref="PolicyRanker"/>).</summary>
    /// <param name="tuna">The builder of <c>AddTuna</c>.</param>
    /// <param name="beta">Length exponent of Eq. 3.</param>
    public static RankerBuilder AddPolicyRanker(this ITunaBuilder tuna, double beta = LengthPenalizedScore.DefaultBeta) =>
        tuna.AddRanker(services => new PolicyRanker(
            services.GetRequiredService<IPolicyModel>(), services.GetRequiredService<ITokenizer>(), services.GetService<IPromptTemplate>(), beta));

    /// <summary>Adds the ranker that asks the registered <see cref="IChatClient"/> (<see cref="ContextualRanker"/>), behind a call pipeline when one is given.</summary>
    /// <param name="tuna">The builder of <c>AddTuna</c>.</param>
    /// <param name="options">The ranker's settings.</param>
    /// <param name="pipeline">Journal, retries, budget and limits; null when the registered client has its own.</param>
    public static RankerBuilder AddContextualRanker(this ITunaBuilder tuna, ContextualRankerOptions? options = null, CallPipelineOptions? pipeline = null) =>
        tuna.AddRanker(services => new ContextualRanker(Client(services, pipeline), options, services.GetService<ILogger<ContextualRanker>>()));

    /// <summary>Adds the teacher that asks the registered <see cref="IChatClient"/> (<see cref="ChatTeacher"/>), behind a call pipeline when one is given.</summary>
    /// <param name="tuna">The builder of <c>AddTuna</c>.</param>
    /// <param name="options">The teacher's settings.</param>
    /// <param name="pipeline">Journal, retries, budget and limits; null when the registered client has its own.</param>
    public static ITunaBuilder AddChatTeacher(this ITunaBuilder tuna, TeacherOptions? options = null, CallPipelineOptions? pipeline = null)
    {
        ArgumentNullException.ThrowIfNull(tuna);
        tuna.Services.TryAddSingleton<ITeacher>(services => new ChatTeacher(Client(services, pipeline), options));
        return tuna;
    }

    /// <summary>Adds the teacher that samples from the registered <see cref="IPolicyModel"/> (<see cref="PolicyTeacher"/>).</summary>
    /// <param name="tuna">The builder of <c>AddTuna</c>.</param>
    /// <param name="options">The teacher's settings.</param>
    public static ITunaBuilder AddPolicyTeacher(this ITunaBuilder tuna, TeacherOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(tuna);
        tuna.Services.TryAddSingleton<ITeacher>(services => new PolicyTeacher(services.GetRequiredService<IPolicyModel>(), services.GetRequiredService<ITokenizer>(), options));
        return tuna;
    }

    private static IChatClient Client(IServiceProvider services, CallPipelineOptions? pipeline)
    {
        var client = services.GetRequiredService<IChatClient>();
        return pipeline is null ? client : CallPipeline.Create(client, pipeline, services.GetService<TimeProvider>(), services.GetService<ILoggerFactory>());
    }
}
